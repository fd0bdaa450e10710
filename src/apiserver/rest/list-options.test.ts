import assert from 'node:assert/strict';
import { it } from 'node:test';
import { watchOptions } from './list-options.ts';

const timeoutOf = (seconds: string): number =>
  watchOptions(new URLSearchParams({ timeoutSeconds: seconds })).timeoutMs;

it('`watchOptions()` gives a time that a timer can wait for', () => {
  assert.equal(timeoutOf('300'), 300_000);
  assert.equal(timeoutOf('99999999'), 2 ** 31 - 1);
  for (const text of ['0', '-1', 'x']) assert(timeoutOf(text) >= 30 * 60_000, text);
});
