import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { test } from 'node:test';
import { pause } from './pause.ts';

test('pause() tells whether the time passed before the signal fired, and leaves nothing at the signal', async (t) => {
  // A pause does not hold the process.
  const holding = setInterval(() => undefined, 1000);
  t.after(() => clearInterval(holding));
  const ending = new AbortController();
  assert.equal(await pause(1, ending.signal), true);
  assert.equal(getEventListeners(ending.signal, 'abort').length, 0);
  const long = pause(100_000, ending.signal);
  ending.abort();
  assert.equal(await long, false);
  assert.equal(await pause(100_000, ending.signal), false);
});
