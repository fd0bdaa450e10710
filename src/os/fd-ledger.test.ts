import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { closeFd, FdLedger, threadLedger, useLedger } from './fd-ledger.ts';
import { bindUdp } from './socket.ts';

test('add(), has(), forget() and list() keep account', () => {
  const ledger = new FdLedger();
  for (const fd of [0, 3, 31, 32, 4095, 1 << 20]) ledger.add(fd);
  assert.deepEqual(ledger.list(), [0, 3, 31, 32, 4095]);
  ledger.forget(31);
  assert.equal(ledger.has(31), false);
  assert.equal(ledger.has(32), true);
  assert.deepEqual(new FdLedger(ledger.shared).list(), [0, 3, 32, 4095]);
});

test('useLedger() takes over what the thread already owns', () => {
  const fd = bindUdp({ address: '127.0.0.1', port: 0 });
  const ledger = new FdLedger();
  useLedger(ledger.shared);
  assert.ok(ledger.has(fd) && threadLedger().has(fd));
  closeFd(fd);
  assert.equal(ledger.has(fd), false);
  assert.throws(() => closeFd(fd), /close descriptor \d+: EBADF \(9\)/);
});

test('closeAll() closes what a terminated worker left open', async () => {
  const ledger = new FdLedger();
  const socket = JSON.stringify(new URL('socket.ts', import.meta.url).href);
  const ledgers = JSON.stringify(new URL('fd-ledger.ts', import.meta.url).href);
  const script = `import { parentPort, workerData } from 'node:worker_threads';
    import { useLedger } from ${ledgers}; import { bindUdp } from ${socket};
    useLedger(workerData);
    parentPort.postMessage([bindUdp({ address: '127.0.0.1', port: 0 }), bindUdp({ address: '::1', port: 0 })]);
    setInterval(() => {}, 1000);`;
  const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(script)}`), {
    workerData: ledger.shared,
  });
  const fds = await new Promise<number[]>((resolve, reject) =>
    worker.once('message', resolve).once('error', reject),
  );
  await worker.terminate();
  assert.deepEqual(
    ledger.list(),
    fds.toSorted((a, b) => a - b),
  );
  assert.ok(fds.every((fd) => existsSync(`/proc/self/fd/${fd}`)));
  assert.equal(ledger.closeAll(), 2);
  assert.equal(
    fds.some((fd) => existsSync(`/proc/self/fd/${fd}`)),
    false,
  );
  assert.deepEqual(ledger.list(), []);
});
