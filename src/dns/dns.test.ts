import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { connect } from 'node:net';
import { type TestContext, test } from 'node:test';
import type { KubeObject } from '#api/machinery/object.ts';
import { ApiClient } from '#kube/client.ts';
import { startFakeApi } from '#test/support/fake-api.ts';
import {
  CLASS_IN,
  type DnsMessage,
  decodeMessage,
  encodeMessage,
  encodeQuery,
  HeaderFlag,
  parseName,
  RecordType,
} from '#wire/dns.ts';
import { DnsFrameReader, frameMessage } from '#wire/dns-tcp.ts';
import { DEFAULT_DNS_CONFIG, type DnsConfig } from './config.ts';
import { type DnsServer, startDns } from './dns.ts';

const OBJECTS: KubeObject[] = [
  { kind: 'Namespace', metadata: { name: 'default' } },
  service('web', { clusterIPs: ['10.96.0.20'], ports: [{ name: 'http', port: 80, protocol: 'TCP' }] }),
  service('outside', { type: 'ExternalName', externalName: 'www.example.org' }),
];

function service(name: string, spec: object): KubeObject {
  return { kind: 'Service', metadata: { namespace: 'default', name }, spec } as KubeObject;
}

async function start(t: TestContext, config: Partial<DnsConfig> = {}, hold?: Promise<void>) {
  const api = await startFakeApi(OBJECTS, hold === undefined ? {} : { hold });
  const client = new ApiClient({ server: api.url });
  t.after(async () => {
    client[Symbol.dispose]();
    await api[Symbol.asyncDispose]();
  });
  const server = await startDns(
    {
      ...DEFAULT_DNS_CONFIG,
      listen: [{ address: '127.0.0.1', port: 0 }],
      health: undefined,
      metrics: undefined,
      ready: { address: '127.0.0.1', port: 0 },
      lameduckMs: 0,
      ...config,
    },
    { client, log: () => {} },
  );
  t.after(() => server[Symbol.asyncDispose]());
  return { api, server };
}

function query(text: string, type: number): Buffer {
  const name = parseName(text) ?? assert.fail(text);
  return encodeQuery(0x1234, { name, type, class: CLASS_IN }, HeaderFlag.RD);
}

function portOf(server: DnsServer): number {
  return server.addresses[0]?.port ?? assert.fail('no listener');
}

function askUdp(server: DnsServer, name: string, type: number = RecordType.A): Promise<DnsMessage> {
  return new Promise((resolve, reject) => {
    const socket = createSocket('udp4');
    socket.on('error', reject);
    socket.on('message', (response) => {
      socket.close();
      resolve(decodeMessage(response));
    });
    socket.send(query(name, type), portOf(server), '127.0.0.1');
  });
}

function addressesOf(message: DnsMessage): string[] {
  return message.answers.map(({ data }) => (data.kind === 'address' ? data.address : data.kind));
}

/** An upstream server that has one address for every name. */
async function startUpstream(t: TestContext, address: string) {
  const socket = createSocket('udp4');
  const asked: string[] = [];
  socket.on('message', (bytes, peer) => {
    const message = decodeMessage(bytes);
    const [question] = message.questions;
    const name = question?.name ?? [];
    asked.push(name.join('.'));
    const answer = {
      name,
      type: RecordType.A,
      class: CLASS_IN,
      ttl: 60,
      data: { kind: 'address' as const, address },
    };
    const flags = HeaderFlag.QR | HeaderFlag.RA | HeaderFlag.RD;
    socket.send(encodeMessage({ ...message, flags, answers: [answer] }), peer.port, peer.address);
  });
  await new Promise<void>((resolve) => {
    socket.bind(0, '127.0.0.1', resolve);
  });
  t.after(() => socket.close());
  return { asked, address: { address: '127.0.0.1', port: socket.address().port } };
}

test('startDns() answers Services over UDP and, pipelined, over TCP', async (t) => {
  const { server } = await start(t);
  await server.synced;
  assert.deepEqual(addressesOf(await askUdp(server, 'web.default.svc.cluster.local')), ['10.96.0.20']);

  const socket = connect(portOf(server), '127.0.0.1');
  t.after(() => socket.destroy());
  const reader = new DnsFrameReader();
  const responses: DnsMessage[] = [];
  socket.write(frameMessage(query('web.default.svc.cluster.local', RecordType.A)));
  socket.write(frameMessage(query('_http._tcp.web.default.svc.cluster.local', RecordType.SRV)));
  for await (const piece of socket) {
    responses.push(...reader.push(piece as Buffer).map((message) => decodeMessage(message)));
    if (responses.length === 2) break;
  }
  assert.equal(responses[1]?.answers[0]?.data.kind, 'srv');
});

test('startDns() shows changes of objects', async (t) => {
  const { api, server } = await start(t);
  await server.synced;
  await askUdp(server, 'web.default.svc.cluster.local');
  api.apply(service('web', { clusterIPs: ['10.96.0.99'], ports: [{ port: 80 }] }));
  for (;;) {
    const [address] = addressesOf(await askUdp(server, 'web.default.svc.cluster.local'));
    if (address === '10.96.0.99') break;
  }
  api.delete(service('web', {}));
  while ((await askUdp(server, 'web.default.svc.cluster.local')).rcode !== 3);
});

test('startDns() answers SERVFAIL for unknown names until it knows the cluster', async (t) => {
  const held = Promise.withResolvers<void>();
  const { server } = await start(t, {}, held.promise);
  assert.equal((await askUdp(server, 'web.default.svc.cluster.local')).rcode, 2);
  held.resolve();
  await server.synced;
  assert.equal((await askUdp(server, 'nobody.default.svc.cluster.local')).rcode, 3);
});

test('startDns() forwards other names, keeps the answers, and completes ExternalNames', async (t) => {
  const upstream = await startUpstream(t, '198.51.100.7');
  const { server } = await start(t, { upstreams: [upstream.address] });
  await server.synced;
  assert.deepEqual(addressesOf(await askUdp(server, 'example.org')), ['198.51.100.7']);
  assert.deepEqual(addressesOf(await askUdp(server, 'example.org')), ['198.51.100.7']);
  assert.deepEqual(upstream.asked, ['example.org']);
  const outside = await askUdp(server, 'outside.default.svc.cluster.local');
  assert.deepEqual(addressesOf(outside), ['name', '198.51.100.7']);
});

test('startDns() goes on to the next upstream when one does not listen', async (t) => {
  const upstream = await startUpstream(t, '198.51.100.8');
  const closed = { address: '127.0.0.1', port: 1 };
  const { server } = await start(t, { upstreams: [closed, upstream.address], cacheSeconds: 0 });
  assert.deepEqual(addressesOf(await askUdp(server, 'example.org')), ['198.51.100.8']);
});

test('startDns() names address and port when it cannot have them', async (t) => {
  const { server } = await start(t);
  const listen = [{ address: '127.0.0.1', port: portOf(server) }];
  await assert.rejects(
    start(t, { listen }),
    /cannot listen on UDP 127\.0\.0\.1 port \d+: another program has the port/,
  );
});
