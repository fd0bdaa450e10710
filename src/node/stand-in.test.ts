import assert from 'node:assert/strict';
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import { closeFd } from '#os/fd-ledger.ts';
import { bindUdp, localAddress } from '#os/socket.ts';
import { StandIn } from './stand-in.ts';

async function peer(t: TestContext, address: string, port = 0): Promise<Socket> {
  const socket = createSocket('udp4');
  t.after(() => socket.close());
  socket.bind(port, address);
  await once(socket, 'listening');
  return socket;
}

async function heard(socket: Socket): Promise<[text: string, from: RemoteInfo]> {
  const [message, from] = (await once(socket, 'message')) as [Buffer, RemoteInfo];
  return [message.toString(), from];
}

/** A socket whose process is away, at 127.0.0.1, and the only other endpoint, at 127.0.0.2. */
async function startStandIn(t: TestContext) {
  const fd = bindUdp({ address: '127.0.0.1', port: 0 });
  t.after(() => closeFd(fd));
  const { port } = localAddress(fd);
  const other = await peer(t, '127.0.0.2', port);
  const endpoints = ['127.0.0.1', '127.0.0.2'].map((address) => ({ addresses: [address] }));
  const slices = () => [{ addressType: 'IPv4', ports: [{ protocol: 'UDP', port }], endpoints }];
  const sockets = [{ fd, address: '0.0.0.0', port } as const];
  const standIn = new StandIn({ sockets, podIps: ['127.0.0.1'], netns: undefined, slices });
  t.after(() => standIn[Symbol.dispose]());
  return { port, other };
}

test('StandIn asks another endpoint, and gives a client what that one answers and nobody else', async (t) => {
  const { port, other } = await startStandIn(t);
  const client = await peer(t, '127.0.0.1');
  const stranger = await peer(t, '127.0.0.3', port);
  client.send('query', port, '127.0.0.1');
  const [query, asker] = await heard(other);
  assert.equal(query, 'query');
  stranger.send('forged', asker.port, '127.0.0.1', () => other.send('answer', asker.port, '127.0.0.1'));
  const [answer, from] = await heard(client);
  assert.deepEqual([answer, from.address, from.port], ['answer', '127.0.0.1', port]);
});
