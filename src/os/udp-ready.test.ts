import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { fstatSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { bindUdp, localAddress } from './socket.ts';
import { UdpBatch } from './udp-batch.ts';
import { watchByPolling } from './udp-ready.ts';

/** More than libuv's pool has threads. */
const SOCKETS = 8;

function startSocket() {
  const fd = bindUdp({ address: '127.0.0.1', port: 0 });
  const batch = new UdpBatch(fd, { family: 4 });
  let told = Promise.withResolvers<number>();
  const watch = watchByPolling(fd, () => {
    const count = batch.receive();
    if (count > 0) told.resolve(count);
    return count > 0;
  });
  return {
    fd,
    port: localAddress(fd).port,
    watch,
    next() {
      told = Promise.withResolvers();
      return told.promise;
    },
  };
}

function startSender(t: TestContext): (port: number) => void {
  const sender = createSocket('udp4');
  t.after(() => sender.close());
  return (port) => sender.send('x', port, '127.0.0.1');
}

test('watchByPolling() tells of a socket at once, however many others are idle', {
  timeout: 10_000,
}, async (t) => {
  const send = startSender(t);
  const sockets = Array.from({ length: SOCKETS }, startSocket);
  t.after(() => Promise.all(sockets.map(({ watch }) => watch[Symbol.asyncDispose]())));
  const busy = sockets.at(-1) ?? assert.fail('no socket');
  // In between it is waited for anew: the others must not be in the way.
  for (let round = 0; round < 30; round++) {
    await sleep(5);
    const told = busy.next();
    send(busy.port);
    assert.equal(await told, 1);
  }
});

test('watchByPolling() goes on with the others when one ends, and again after all have ended', async (t) => {
  const send = startSender(t);
  for (let round = 0; round < 2; round++) {
    const [first, second] = [startSocket(), startSocket()];
    await first.watch[Symbol.asyncDispose]();
    assert.throws(() => fstatSync(first.fd), { code: 'EBADF' });
    const told = second.next();
    send(second.port);
    assert.equal(await told, 1);
    await second.watch[Symbol.asyncDispose]();
    assert.throws(() => fstatSync(second.fd), { code: 'EBADF' });
  }
});
