import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { test } from 'node:test';
import { settled } from './settled.ts';

test('settled() is what the promise is, and leaves no listener', async () => {
  const { signal } = new AbortController();
  assert.equal(await settled(Promise.resolve(7), signal), 7);
  await assert.rejects(settled(Promise.reject(new Error('no')), signal), /no/);
  assert.equal(getEventListeners(signal, 'abort').length, 0);
});

test('settled() ends with the signal, before and while it waits', async () => {
  const ending = new AbortController();
  const waiting = settled(new Promise(() => undefined), ending.signal);
  ending.abort(new Error('ended'));
  await assert.rejects(waiting, /ended/);
  await assert.rejects(settled(Promise.resolve(), ending.signal), /ended/);
});
