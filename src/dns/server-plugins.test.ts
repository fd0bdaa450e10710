import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { type TestContext, test } from 'node:test';
import type { KubeObject } from '#api/machinery/object.ts';
import { startTestDns } from '#test/support/dns-server.ts';
import { CLASS_IN, decodeMessage, encodeQuery, parseName, RecordType } from '#wire/dns.ts';
import { DnsFrameReader, frameMessage } from '#wire/dns-tcp.ts';

const OBJECTS: KubeObject[] = [
  { kind: 'Namespace', metadata: { name: 'shop' } },
  {
    kind: 'Service',
    metadata: { namespace: 'shop', name: 'web' },
    spec: { clusterIPs: ['10.96.0.20'], ports: [{ name: 'http', port: 80, protocol: 'TCP' }] },
  } as KubeObject,
  {
    kind: 'Pod',
    metadata: { namespace: 'shop', name: 'client' },
    status: { podIP: '127.0.0.1' },
  } as KubeObject,
];
// A loopback address stands for a pod's.
const KUBERNETES = 'kubernetes cluster.local {\npods verified\n}';

async function ask(t: TestContext, port: number, name: string, type: number) {
  const socket = connect(port, '127.0.0.1');
  t.after(() => socket.destroy());
  const question = { name: parseName(name) ?? [], type, class: CLASS_IN };
  socket.write(frameMessage(encodeQuery(7, question, 0x0100)));
  const reader = new DnsFrameReader();
  for await (const piece of socket) {
    const [message] = reader.push(piece as Buffer);
    if (message !== undefined) return decodeMessage(message);
  }
  return assert.fail('no answer');
}

test('log writes CoreDNS’s line, and only of the classes asked for', async (t) => {
  const { port, log } = await startTestDns(t, {
    objects: OBJECTS,
    plugins: `log . {\nclass denial\n}\n${KUBERNETES}`,
  });
  await ask(t, port, 'web.shop.svc.cluster.local', RecordType.A);
  await ask(t, port, 'nobody.shop.svc.cluster.local', RecordType.A);
  assert.equal(log.length, 1);
  assert.match(
    log[0] ?? '',
    /^\[INFO\] 127\.0\.0\.1:\d+ - 7 "A IN nobody\.shop\.svc\.cluster\.local\. tcp 47 false 65535" NXDOMAIN qr,aa,rd 101 0(\.\d+)?s$/,
  );
});

test('log takes answers without records for success where they do not say that there is nothing', async (t) => {
  const template = (zone: string, line: string): string =>
    `template IN ANY ${zone} {\nrcode NOERROR\n${line}\n}`;
  const { port, log } = await startTestDns(t, {
    objects: [],
    plugins: [
      'log . "{name}" {\nclass success\n}',
      template('referral.test', 'authority "referral.test 60 IN NS a."'),
      template('nothing.test', 'authority "test 60 IN SOA a. b. 1 2 3 4 5"'),
      template('empty.test', ''),
    ].join('\n'),
  });
  for (const name of ['referral.test', 'nothing.test', 'empty.test', 'none.test'])
    await ask(t, port, name, RecordType.A);
  assert.deepEqual(log, ['[INFO] referral.test.', '[INFO] empty.test.']);
});

test('autopath answers the first question of a pod’s search path with what the path leads to', async (t) => {
  const plugins = `autopath @kubernetes\nhosts {\n192.0.2.1 www.example.org\nfallthrough\n}\n${KUBERNETES}`;
  const { port } = await startTestDns(t, { objects: OBJECTS, plugins });
  const { answers } = await ask(t, port, 'www.example.org.shop.svc.cluster.local', RecordType.A);
  assert.deepEqual(
    answers.map(({ data }) => (data.kind === 'address' ? data.address : data.kind)),
    ['name', '192.0.2.1'],
  );
});

test('autopath does not take a name that cannot be looked up now for one that does not exist', async (t) => {
  const failing = 'template IN A broken.test {\nrcode SERVFAIL\n}';
  const { port } = await startTestDns(t, {
    objects: OBJECTS,
    plugins: `autopath @kubernetes\n${failing}\n${KUBERNETES}`,
  });
  const broken = await ask(t, port, 'broken.test.shop.svc.cluster.local', RecordType.A);
  assert.equal(broken.rcode, 2);
});

test('autopath knows pods behind the DNS cache of their node by the node’s address', async (t) => {
  const plugins = `autopath @kubernetes\nhosts {\n192.0.2.1 www.example.org\nfallthrough\n}\n${KUBERNETES}`;
  const status = { podIP: '10.244.0.7', hostIP: '127.0.0.1' };
  const pod = { kind: 'Pod', metadata: { namespace: 'shop', name: 'client' }, status };
  const objects = [...OBJECTS.slice(0, -1), pod as KubeObject];
  const { port } = await startTestDns(t, { objects, plugins });
  const found = await ask(t, port, 'www.example.org.shop.svc.cluster.local', RecordType.A);
  assert.equal(found.answers.length, 2);
  const other = await ask(t, port, 'www.example.org.default.svc.cluster.local', RecordType.A);
  assert.deepEqual([other.rcode, other.answers], [3, []]);
});

test('transfer gives a whole zone to those who may have it, and to nobody else', async (t) => {
  const plugins = (to: string): string => `transfer {\nto ${to}\n}\n${KUBERNETES}`;
  const open = await startTestDns(t, { objects: OBJECTS, plugins: plugins('127.0.0.0/8') });
  const { answers } = await ask(t, open.port, 'cluster.local', RecordType.AXFR);
  assert.deepEqual(
    answers.map(({ type }) => type),
    [RecordType.SOA, RecordType.A, RecordType.SRV, RecordType.SRV, RecordType.SOA],
  );
  const closed = await startTestDns(t, { objects: OBJECTS, plugins: plugins('192.0.2.1') });
  assert.equal((await ask(t, closed.port, 'cluster.local', RecordType.AXFR)).rcode, 5);
});
