import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { FdLedger, threadLedger } from '#os/fd-ledger.ts';
import { bindUdp, localAddress } from '#os/socket.ts';
import { MAX_WAITING } from './front-loop.ts';
import { FrontMemory } from './front-memory.ts';
import { startFrontThread } from './front-thread.ts';
import { Marks } from './marks.ts';
import { unpackQueries } from './messages.ts';

function data() {
  return { ledger: new FdLedger().shared, marks: new Marks().memory, ...new FrontMemory().shared };
}

test('a thread that cannot run says which one and why, and leaves no descriptor open', async () => {
  const open = (): number => readdirSync('/proc/self/fd').length;
  const thread = startFrontThread(1, data(), () => undefined);
  await thread.ready;
  thread.post({ kind: 'end', failing: false });
  thread.wake();
  assert.ok(((await thread.ended).livedMs ?? -1) >= 0);
  const before = open();
  const broken = startFrontThread(7, { ...data(), control: new SharedArrayBuffer(3) }, () => undefined);
  await assert.rejects(broken.ready, /^Error: multisocket: thread 7 cannot be started: .*Int32Array/);
  assert.equal((await broken.ended).livedMs, undefined);
  assert.equal(open(), before);
});

test('no more queries wait for the main thread than may: others are dropped, and counted', async (t) => {
  const memory = new FrontMemory();
  const ledger = new FdLedger();
  let handedOver = 0;
  const thread = startFrontThread(1, { ...data(), ledger: ledger.shared, ...memory.shared }, (report) => {
    if (report.kind === 'queries') handedOver += unpackQueries(report.packed).length;
  });
  await thread.ready;
  const fd = bindUdp({ address: '127.0.0.1', port: 0 });
  const { port } = localAddress(fd);
  threadLedger().forget(fd);
  ledger.add(fd);
  thread.post({ kind: 'open', socket: 0, server: 0, fd, family: 4, pinSource: false });
  thread.wake();
  const client = createSocket('udp4');
  t.after(() => client.close());
  let sent = 0;
  /** Few at a time, so that the socket's buffer holds them. */
  const send = async (count: number): Promise<void> => {
    for (const end = sent + count; sent < end; sent++) {
      client.send(Buffer.alloc(20), port, '127.0.0.1');
      while (sent - handedOver - memory.dropped > 32) await new Promise((resolve) => setTimeout(resolve, 1));
    }
    while (handedOver + memory.dropped < sent) await new Promise((resolve) => setTimeout(resolve, 1));
  };
  await send(MAX_WAITING + 500);
  assert.ok(handedOver <= MAX_WAITING && memory.dropped >= 500, `${handedOver} and ${memory.dropped}`);
  for (let i = 0; i < 1000; i++) memory.countTaken();
  const before = handedOver;
  await send(500);
  assert.equal(handedOver, before + 500);
  thread.post({ kind: 'end', failing: false });
  thread.wake();
  await thread.ended;
  assert.equal(ledger.closeAll(), 1);
});
