import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { FdLedger } from '#os/fd-ledger.ts';
import { FrontMemory } from './front-memory.ts';
import { startFrontThread } from './front-thread.ts';
import { Marks } from './marks.ts';

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
