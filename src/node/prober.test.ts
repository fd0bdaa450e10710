import assert from 'node:assert/strict';
import { test } from 'node:test';
import { failed, OK } from './check.ts';
import { runProber } from './prober.ts';

async function turnsOf(
  results: readonly boolean[],
  thresholds: { success: number; failure: number },
): Promise<boolean[]> {
  const abort = new AbortController();
  const turns: boolean[] = [];
  const todo = [...results];
  await runProber({
    probe: {
      periodSeconds: 0.001,
      successThreshold: thresholds.success,
      failureThreshold: thresholds.failure,
    },
    check: async () => {
      const next = todo.shift();
      if (next === undefined) abort.abort();
      return next === false ? failed('no') : OK;
    },
    onTurn: (ok) => turns.push(ok),
    onFailure: () => undefined,
    signal: abort.signal,
  });
  return turns;
}

test('runProber() turns at the first success by default', async () => {
  assert.deepEqual(await turnsOf([true, true], { success: 1, failure: 3 }), [true]);
});

test('runProber() turns to failure only after failureThreshold failures in a row', async () => {
  const results = [true, false, false, true, false, false, false, false];
  assert.deepEqual(await turnsOf(results, { success: 1, failure: 3 }), [true, false]);
});

test('runProber() needs successThreshold successes in a row', async () => {
  assert.deepEqual(await turnsOf([true, false, true, true], { success: 2, failure: 5 }), [true]);
});

test('runProber() does not count refused connections before the first answer', async () => {
  const abort = new AbortController();
  const failures: string[] = [];
  let attempts = 0;
  await runProber({
    probe: { periodSeconds: 10 },
    check: async () => (++attempts < 3 ? failed('refused', true) : OK),
    onTurn: () => abort.abort(),
    onFailure: ({ message }) => failures.push(message),
    signal: abort.signal,
  });
  assert.equal(attempts, 3);
  assert.deepEqual(failures, []);
});
