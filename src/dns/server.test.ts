import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { connect } from 'node:net';
import { type TestContext, test } from 'node:test';
import type { KubeObject } from '#api/machinery/object.ts';
import { startTestCorefile, startTestDns } from '#test/support/dns-server.ts';
import { until } from '#test/support/until.ts';
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
import { prepareAnswer, respond } from '#wire/dns-answer.ts';
import { DnsFrameReader, frameMessage } from '#wire/dns-tcp.ts';
import { readConfiguration } from './configuration.ts';
import { corefileSource } from './corefile-source.ts';
import type { PluginInstance } from './plugin.ts';
import { startDnsServer } from './server.ts';

const OBJECTS: KubeObject[] = [
  { kind: 'Namespace', metadata: { name: 'default' } },
  service('web', { clusterIPs: ['10.96.0.20'], ports: [{ name: 'http', port: 80, protocol: 'TCP' }] }),
  service('outside', { type: 'ExternalName', externalName: 'www.example.org' }),
];

function service(name: string, spec: object): KubeObject {
  return { kind: 'Service', metadata: { namespace: 'default', name }, spec } as KubeObject;
}

const KUBERNETES = 'kubernetes cluster.local in-addr.arpa ip6.arpa {\nstartup_timeout 100ms\n}\n';

function start(t: TestContext, more = '', hold?: Promise<void>) {
  const plugins = `ready 127.0.0.1:0\n${KUBERNETES}${more}`;
  return startTestDns(t, { objects: OBJECTS, plugins, ...(hold !== undefined && { hold }) });
}

function query(text: string, type: number): Buffer {
  const name = parseName(text) ?? assert.fail(text);
  return encodeQuery(0x1234, { name, type, class: CLASS_IN }, HeaderFlag.RD);
}

function askUdp(port: number, name: string, type: number = RecordType.A): Promise<DnsMessage> {
  return new Promise((resolve, reject) => {
    const socket = createSocket('udp4');
    socket.on('error', reject);
    socket.on('message', (response) => {
      socket.close();
      resolve(decodeMessage(response));
    });
    socket.send(query(name, type), port, '127.0.0.1');
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
  return { asked, address: `127.0.0.1:${socket.address().port}` };
}

test('startDnsServer() answers Services over UDP and, pipelined, over TCP', async (t) => {
  const { port } = await start(t);
  assert.deepEqual(addressesOf(await askUdp(port, 'web.default.svc.cluster.local')), ['10.96.0.20']);

  const socket = connect(port, '127.0.0.1');
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

test('startDnsServer() shows changes of objects', async (t) => {
  const { api, port } = await start(t);
  await askUdp(port, 'web.default.svc.cluster.local');
  api.apply(service('web', { clusterIPs: ['10.96.0.99'], ports: [{ port: 80 }] }));
  for (;;) {
    const [address] = addressesOf(await askUdp(port, 'web.default.svc.cluster.local'));
    if (address === '10.96.0.99') break;
  }
  api.delete(service('web', {}));
  while ((await askUdp(port, 'web.default.svc.cluster.local')).rcode !== 3);
});

test('startDnsServer() answers SERVFAIL for unknown names until it knows the cluster', async (t) => {
  const held = Promise.withResolvers<void>();
  const { port } = await start(t, '', held.promise);
  assert.equal((await askUdp(port, 'web.default.svc.cluster.local')).rcode, 2);
  held.resolve();
  while ((await askUdp(port, 'nobody.default.svc.cluster.local')).rcode !== 3);
});

test('startDnsServer() forwards other names, keeps the answers, and completes ExternalNames', async (t) => {
  const upstream = await startUpstream(t, '198.51.100.7');
  const { port } = await start(t, `forward . ${upstream.address}\ncache 30`);
  assert.deepEqual(addressesOf(await askUdp(port, 'example.org')), ['198.51.100.7']);
  assert.deepEqual(addressesOf(await askUdp(port, 'example.org')), ['198.51.100.7']);
  assert.deepEqual(upstream.asked, ['example.org']);
  const outside = await askUdp(port, 'outside.default.svc.cluster.local');
  assert.deepEqual(addressesOf(outside), ['name', '198.51.100.7']);
});

test('startDnsServer() goes on to the next upstream when one does not listen', async (t) => {
  const upstream = await startUpstream(t, '198.51.100.8');
  const { port } = await start(t, `forward . 127.0.0.1:1 ${upstream.address} {\npolicy sequential\n}`);
  assert.deepEqual(addressesOf(await askUdp(port, 'example.org')), ['198.51.100.8']);
});

test('startDnsServer() names address and port when it cannot have them', async (t) => {
  const { port } = await start(t);
  await assert.rejects(
    startTestCorefile(t, `.:${port} {\nbind 127.0.0.1\nwhoami\n}`),
    /cannot listen on UDP 127\.0\.0\.1 port \d+: another program has the port/,
  );
});

test('startDnsServer() goes over to a new configuration, and keeps the old one when the new one is bad', async (t) => {
  const answer = (address: string): string => `template IN A . {\nanswer "{{ .Name }} 5 IN A ${address}"\n}`;
  let text = `.:0 {\nbind 127.0.0.1\n${answer('192.0.2.1')}\n}`;
  const server = await startDnsServer({
    load: () => corefileSource({ text, name: 'Corefile' }).load(),
    text: () => Promise.resolve(text),
    apiClient: () => Promise.reject(new Error('none')),
    log: () => {},
  });
  t.after(() => server[Symbol.asyncDispose]());
  const port = server.addresses[0]?.port ?? assert.fail('no listener');
  assert.deepEqual(addressesOf(await askUdp(port, 'a.example')), ['192.0.2.1']);

  text = text.replace('192.0.2.1', '192.0.2.2');
  await server.reload();
  assert.deepEqual(addressesOf(await askUdp(port, 'a.example')), ['192.0.2.2']);

  text = text.replace('template', 'tempalte');
  await assert.rejects(
    server.reload(),
    /Corefile:3: there is no plugin "tempalte" \(did you mean template\?\)/,
  );
  assert.deepEqual(addressesOf(await askUdp(port, 'a.example')), ['192.0.2.2']);
});

/** A server whose Corefile can change while it is being loaded: what was read counts once `loaded` is resolved. */
async function startSlowly(t: TestContext, plugins: string) {
  const state = { address: '192.0.2.1', reading: Promise.withResolvers<void>(), loaded: Promise.resolve() };
  const text = (): string =>
    `.:0 {\nbind 127.0.0.1\n${plugins}\ntemplate IN A . {\nanswer "{{ .Name }} 5 IN A ${state.address}"\n}\n}`;
  const starting = startDnsServer({
    async load() {
      const read = text();
      state.reading.resolve();
      await state.loaded;
      return readConfiguration(read, 'Corefile');
    },
    text: () => Promise.resolve(text()),
    apiClient: () => Promise.reject(new Error('none')),
    log: () => {},
  });
  t.after(async () => (await starting)[Symbol.asyncDispose]());
  return { state, starting };
}

test('reload() takes over what is there when it is called, also while an older text is being loaded', async (t) => {
  const { state, starting } = await startSlowly(t, '');
  const server = await starting;
  const gate = Promise.withResolvers<void>();
  Object.assign(state, { address: '192.0.2.2', loaded: gate.promise, reading: Promise.withResolvers() });
  const first = server.reload();
  await state.reading.promise;
  state.address = '192.0.2.3';
  const second = server.reload();
  gate.resolve();
  await Promise.all([first, second]);
  assert.deepEqual(addressesOf(await askUdp(server.addresses[0]?.port ?? 0, 'a.example')), ['192.0.2.3']);
});

test('reload notices a Corefile that changed while it was being loaded', async (t) => {
  const gate = Promise.withResolvers<void>();
  const { state, starting } = await startSlowly(t, 'reload 1h');
  state.loaded = gate.promise;
  await state.reading.promise;
  state.address = '192.0.2.2';
  gate.resolve();
  const server = await starting;
  await until(
    'the new answer',
    async () => addressesOf(await askUdp(server.addresses[0]?.port ?? 0, 'a.example')),
    ([address]) => address === '192.0.2.2',
  );
});

test('the answers of a server that goes are taken back from whoever has copies', async (t) => {
  const prepared = prepareAnswer([], { rcode: 0, answers: [], authorities: [], additionals: [] });
  let withdrawn = 0;
  const holder: PluginInstance = {
    name: 'holder',
    expressZones: ['\0'],
    handle({ query, block }) {
      const { table, counts } = block.express.get('holder') ?? assert.fail('no lane');
      const kept = table.set(query, { prepared, counts, flags: 0 }) && table.find(query.message);
      assert.ok(kept !== undefined);
      kept.copies = { slot: 0, version: 1, hits: 0, withdraw: () => void withdrawn++ };
      return respond(query, prepared, 0, 512);
    },
  };
  const parsed = { explain: [], setup: () => holder };
  let addresses = '127.0.0.1 127.0.0.2';
  const server = await startDnsServer({
    load: () =>
      Promise.resolve(
        readConfiguration(`.:0 {\nbind ${addresses}\nwhoami\n}`, 'Corefile').map((block) => ({
          ...block,
          plugins: [{ name: 'holder', parsed }],
        })),
      ),
    text: () => Promise.resolve(''),
    apiClient: () => Promise.reject(new Error('none')),
    log: () => {},
  });
  t.after(() => server[Symbol.asyncDispose]());
  await askUdp(server.addresses[0]?.port ?? assert.fail('no listener'), 'a.example');
  addresses = '127.0.0.2';
  await server.reload();
  assert.equal(withdrawn, 1);
});
