import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { untilAnswered, untilUnasked } from './departure.ts';

/** Runs it beside a counter that grows for `askedMs`; returns whether queries had ended when it did. */
async function departs(lameduckMs: number, askedMs: number): Promise<'after the last query' | 'before'> {
  let queries = 0;
  let asking = true;
  const asked = setInterval(() => queries++, 20);
  const end = setTimeout(() => {
    clearInterval(asked);
    asking = false;
  }, askedMs);
  await untilUnasked(sleep(lameduckMs), () => queries);
  clearTimeout(end);
  clearInterval(asked);
  return asking ? 'before' : 'after the last query';
}

test('untilUnasked() stays for a lameduck time, and on while queries come', async () => {
  assert.equal(await departs(1000, 1500), 'after the last query');
});

test('untilUnasked() goes after twice the lameduck time, whoever still asks', async () => {
  assert.equal(await departs(1000, 60_000), 'before');
});

test('untilUnasked() goes at once when there is no lameduck time', async () => {
  assert.equal(await departs(0, 60_000), 'before');
});

test('untilAnswered() stays until the queries that have come are answered, not for those that come later', async () => {
  const [first, later] = [{}, {}];
  const running = new Set<object>([first]);
  const answered = sleep(50).then(() => {
    running.add(later);
    running.delete(first);
  });
  await untilAnswered(() => [...running]);
  await answered;
  assert.deepEqual([...running], [later]);
});
