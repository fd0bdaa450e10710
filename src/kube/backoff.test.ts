import assert from 'node:assert/strict';
import { test } from 'node:test';
import { backoffMs } from './backoff.ts';

test('`backoffMs()` doubles up to its limit, less the jitter', () => {
  const plain = { baseMs: 10, maxMs: 100, jitter: 0 };
  assert.deepEqual(
    [0, 1, 2, 3, 4, 1000].map((failures) => backoffMs(failures, plain)),
    [10, 20, 40, 80, 100, 100],
  );
  assert.equal(backoffMs(2, { ...plain, jitter: 0.5, random: () => 1 }), 20);
  assert.equal(backoffMs(2, { ...plain, jitter: undefined, random: () => 0.5 }), 30);
});
