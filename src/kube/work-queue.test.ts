import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WorkQueue } from './work-queue.ts';

/** A queue whose workers wait until the test lets them go. */
function gatedQueue(concurrency: number) {
  const started: string[] = [];
  const gates: (() => void)[] = [];
  const stop = new AbortController();
  const queue = new WorkQueue({
    name: 'test',
    concurrency,
    signal: stop.signal,
    work: (key) => {
      started.push(key);
      return new Promise<void>((resolve) => gates.push(resolve));
    },
  });
  return { queue, started, gates, stop };
}

const turn = () => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));

test('`add()` starts a key once when it is added twice', async () => {
  const { queue, started, gates } = gatedQueue(4);
  queue.add('a');
  queue.add('a');
  await turn();
  assert.deepEqual(started, ['a']);
  gates.shift()?.();
  await queue.idle();
});

test('`add()` works on a key once more, and never beside itself, when it comes while it is worked on', async () => {
  const { queue, started, gates } = gatedQueue(4);
  queue.add('a');
  await turn();
  queue.add('a');
  queue.add('b');
  await turn();
  assert.deepEqual(started, ['a', 'b']);
  gates.shift()?.();
  await turn();
  assert.deepEqual(started, ['a', 'b', 'a']);
  for (const open of gates.splice(0)) open();
  await queue.idle();
});

test('the queue works on no more keys at a time than its concurrency', async () => {
  const { queue, started, gates } = gatedQueue(2);
  for (const key of ['a', 'b', 'c']) queue.add(key);
  await turn();
  assert.deepEqual(started, ['a', 'b']);
  gates.shift()?.();
  await turn();
  assert.deepEqual(started, ['a', 'b', 'c']);
  for (const open of gates.splice(0)) open();
  await queue.idle();
});

test('the queue tries a failed key again, and forgets its failures when it succeeds', async () => {
  const failures: number[] = [];
  let calls = 0;
  const done = Promise.withResolvers<void>();
  const queue = new WorkQueue({
    name: 'test',
    signal: new AbortController().signal,
    backoff: { baseMs: 1, maxMs: 2 },
    onError: (_error, _key, count) => failures.push(count),
    work: async () => {
      calls++;
      if (calls < 3 || calls === 4) throw new Error('not yet');
      if (calls === 3) queue.add('a');
      else done.resolve();
    },
  });
  queue.add('a');
  await done.promise;
  assert.deepEqual(failures, [1, 2, 1]);
});

test('the queue looks at a key again when its worker asks for it', async () => {
  let calls = 0;
  const done = Promise.withResolvers<void>();
  const queue = new WorkQueue({
    name: 'test',
    signal: new AbortController().signal,
    work: async () => {
      calls++;
      if (calls === 1) return { requeueAfterMs: 1 };
      done.resolve();
      return undefined;
    },
  });
  queue.add('a');
  await done.promise;
  assert.equal(calls, 2);
});

test('the queue takes nothing any more when its signal has fired', async () => {
  const { queue, started, stop } = gatedQueue(1);
  queue.add('a');
  stop.abort();
  queue.add('b');
  queue.addAfter('c', 1);
  await turn();
  assert.deepEqual(started, []);
});
