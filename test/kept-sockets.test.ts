// Sockets that the node keeps for a pod: what comes while its program is away waits for the next one.
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { after, test } from 'node:test';
import type { Container } from '#api/core/v1.gen.ts';
import { ENDPOINT_SLICES, PODS } from '#kube/resources.ts';
import { enterTestNamespace } from '#test/support/namespace.ts';
import { startNodeCluster } from '#test/support/node-cluster.ts';
import { isReady } from '#test/support/pod-fixtures.ts';

await enterTestNamespace({ pid: true });
const cluster = await startNodeCluster();
after(() => cluster[Symbol.asyncDispose]());

/** Answers over UDP (its first descriptor) and TCP (its second), and ends when it is told to. */
const PROGRAM = `
const { createSocket } = require('node:dgram');
const { LISTEN_PID, LISTEN_FDS, LISTEN_FDNAMES } = process.env;
console.log(process.pid, LISTEN_PID, LISTEN_FDS, LISTEN_FDNAMES);
const udp = createSocket('udp4');
udp.bind({ fd: 3 });
udp.on('message', (message, { port, address }) => {
  if (String(message) === 'die') process.exit(1);
  udp.send('here', port, address);
});
require('node:net').createServer((socket) => socket.on('error', () => {}).end('here')).listen({ fd: 4 });
`;
const container: Container = {
  name: 'main',
  image: 'portolan/portolan',
  command: ['/portolan/node', '-e', PROGRAM],
  ports: [
    { name: 'datagrams', containerPort: 5300, protocol: 'UDP' },
    { name: 'streams', containerPort: 5301 },
  ],
};
const keep = (ports: string) => ({ annotations: { 'portolan.dev/keep-sockets': ports } });

test('datagrams and connections that come between two processes of a container reach the second', async () => {
  await cluster.createPod('kept', { containers: [container] }, keep('datagrams,streams'));
  const pod = await cluster.podBecomes('kept', isReady);
  const address = pod.status?.podIP ?? '';
  const client = createSocket('udp4');
  const answered = once(client, 'message');
  client.send('die', 5300, address);
  client.send('anybody?', 5300, address);
  const stream = connect({ host: address, port: 5301 });
  // The first process may have been there for the connection, and never answered it.
  stream.on('error', () => undefined);
  assert.equal(String((await answered)[0]), 'here');
  client.close();
  stream.destroy();
  const again = connect({ host: address, port: 5301 });
  assert.equal(await text(again), 'here');
  await cluster.podBecomes('kept', ({ status }) => status?.containerStatuses?.[0]?.restartCount === 1);
  assert.equal((await cluster.log('kept', 'main')).trim(), '1 1 2 datagrams:streams');
  await cluster.client.delete(PODS, { namespace: 'default', name: 'kept' });
  await cluster.podGone('kept');
});

test('a port that no container has keeps the container from being made, and is named', async () => {
  await cluster.createPod('unkept', { containers: [container] }, keep('datagrans'));
  const pod = await cluster.podBecomes(
    'unkept',
    ({ status }) => status?.containerStatuses?.[0]?.state?.waiting?.message !== undefined,
  );
  const { reason, message } = pod.status?.containerStatuses?.[0]?.state?.waiting ?? {};
  assert.equal(reason, 'CreateContainerConfigError');
  assert.match(message ?? '', /keep-sockets: no container of the pod has a port with the name "datagrans"/);
});

test('while a process is away, an endpoint of the Service that stands in answers in its place', async () => {
  const standIn = createSocket('udp4');
  standIn.on('message', (message, { port, address }) =>
    standIn.send(`for it: ${String(message)}`, port, address),
  );
  await new Promise<void>((resolve) => standIn.bind(5300, '172.30.0.10', resolve));
  const annotations = { ...keep('datagrams').annotations, 'portolan.dev/stand-in': 'others' };
  // The second time it stays away for the ten seconds of its back-off.
  const dies = { ...container, command: ['/portolan/node', '-e', 'setTimeout(() => process.exit(1), 200)'] };
  await cluster.createPod('away', { containers: [dies] }, { annotations });
  const address =
    (await cluster.podBecomes('away', ({ status }) => status?.podIP !== undefined)).status?.podIP ?? '';
  const endpoint = (ip: string) => ({ addresses: [ip], conditions: { ready: true } });
  await cluster.client.create(ENDPOINT_SLICES, {
    metadata: { namespace: 'default', name: 'others-1', labels: { 'kubernetes.io/service-name': 'others' } },
    addressType: 'IPv4',
    ports: [{ name: 'datagrams', port: 5300, protocol: 'UDP' }],
    endpoints: [endpoint(address), endpoint('172.30.0.10')],
  });
  await cluster.podBecomes(
    'away',
    ({ status }) => status?.containerStatuses?.[0]?.state?.waiting?.reason === 'CrashLoopBackOff',
  );
  const client = createSocket('udp4');
  const answered = once(client, 'message');
  client.send('anybody?', 5300, address);
  const [answer, { address: from }] = (await answered) as [Buffer, { address: string }];
  assert.equal(String(answer), 'for it: anybody?');
  assert.equal(from, address);
  client.close();
  standIn.close();
});
