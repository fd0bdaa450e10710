import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Event } from '#api/core/v1.gen.ts';
import type { KubeObject } from '#api/machinery/object.ts';
import type { ApiClient } from './client.ts';
import { EventRecorder } from './events.ts';

const ABOUT = { kind: 'Pod', namespace: 'a', name: 'p', uid: 'u' };

/** A recorder on a client whose creations fail while `fails` says so. */
function setUp({ fails = false } = {}) {
  const created: Event[] = [];
  const patched: unknown[] = [];
  const state = { fails };
  const client = {
    create: (_kind: unknown, event: KubeObject) => {
      if (state.fails) return Promise.reject(new Error('away'));
      created.push(event as Event);
      return Promise.resolve(event);
    },
    patch: (_kind: unknown, _key: unknown, patch: unknown) => {
      patched.push(patch);
      return Promise.resolve({});
    },
  } as unknown as ApiClient;
  const stop = new AbortController();
  const recorder = new EventRecorder({ client, component: 'test', signal: stop.signal });
  return { recorder, created, patched, state, stop };
}

test('`record()` counts repetitions up in one event', async () => {
  const { recorder, created, patched, stop } = setUp();
  recorder.record(ABOUT, 'Normal', 'Started', 'it runs');
  await recorder.flush();
  recorder.record(ABOUT, 'Normal', 'Started', 'it runs');
  recorder.record(ABOUT, 'Normal', 'Started', 'it runs');
  await recorder.flush();
  stop.abort();
  assert.deepEqual([created.length, (patched as Event[]).map(({ count }) => count)], [1, [3]]);
});

test('`record()` makes a new event after one that could not be written', async () => {
  const { recorder, created, state, stop } = setUp({ fails: true });
  recorder.record(ABOUT, 'Normal', 'Started', 'it runs');
  await recorder.flush();
  state.fails = false;
  recorder.record(ABOUT, 'Normal', 'Started', 'it runs');
  await recorder.flush();
  stop.abort();
  assert.deepEqual(
    created.map(({ message, count }) => [message, count]),
    [['it runs', 1]],
  );
});
