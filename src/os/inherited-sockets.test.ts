import assert from 'node:assert/strict';
import { test } from 'node:test';
import { closeFd } from './fd-ledger.ts';
import { readInheritedSockets } from './inherited-sockets.ts';
import { bindUdp, listenTcp, localAddress } from './socket.ts';

test('readInheritedSockets() tells what each socket is bound to, for the process that it was meant for', () => {
  const fds = [
    bindUdp({ address: '127.0.0.1', port: 0 }),
    listenTcp({ address: '::1', port: 0 }),
    bindUdp({ address: '::', port: 0 }),
  ].toSorted((a, b) => a - b);
  const [first = 0] = fds;
  const ports = fds.map((fd) => localAddress(fd).port);
  const env = { LISTEN_PID: '7', LISTEN_FDS: String(fds.length) };
  assert.deepEqual(
    readInheritedSockets(env, 7, first).map(({ kind, address, port }) => ({ kind, address, port })),
    [
      { kind: 'udp', address: '127.0.0.1', port: ports[0] },
      { kind: 'tcp', address: '::1', port: ports[1] },
      { kind: 'udp', address: '::', port: ports[2] },
    ],
  );
  assert.deepEqual(readInheritedSockets(env, 8, first), []);
  assert.deepEqual(readInheritedSockets({ LISTEN_PID: '7' }, 7, first), []);
  assert.deepEqual(readInheritedSockets({ ...env, LISTEN_FDS: 'many' }, 7, first), []);
  for (const fd of fds) closeFd(fd);
});

test('readInheritedSockets() leaves out descriptors that are no sockets of IP, or nothing at all', () => {
  const env = { LISTEN_PID: '7', LISTEN_FDS: '2' };
  assert.deepEqual(readInheritedSockets(env, 7, 1 << 19), []);
});
