import assert from 'node:assert/strict';
import { fstatSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { AnswerTable } from '#dns/answer-table.ts';
import { bindUdp } from '#os/socket.ts';
import { until } from '#test/support/until.ts';
import { Front } from './front.ts';
import { Marks } from './marks.ts';

/** A running front, whose next thread can be made impossible. */
async function startFront(t: TestContext) {
  const log: string[] = [];
  const marks = new Marks();
  const state = { broken: false };
  const front = new Front({
    number: 1,
    minLifeMs: 0,
    log: (message) => log.push(message),
    onAnswered: () => undefined,
    get marks() {
      return state.broken ? assert.fail('no descriptors left') : marks.memory;
    },
  });
  await front.start();
  t.after(() => front.stop());
  return { front, log, state };
}

test('the sockets of a thread that cannot be started again are closed, so that others get its queries', async (t) => {
  const { front, log, state } = await startFront(t);
  const fd = bindUdp({ address: '127.0.0.1', port: 0 });
  const share = { family: 4, pinSource: false, open: () => fd, answer: () => undefined } as const;
  front.open({ share, table: new AnswerTable() });
  state.broken = true;
  await front.kill();
  await until(
    'it is told of',
    async () => log,
    (lines) => lines.some((line) => line.includes('no descriptors left')),
  );
  assert.equal(front.running, false);
  assert.deepEqual(front.sockets, []);
  assert.throws(() => fstatSync(fd), { code: 'EBADF' });
});
