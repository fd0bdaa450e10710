import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Calls } from './calls.ts';
import { KeptThread } from './kept-thread.ts';
import type { Thread } from './thread.ts';

/** A thread without a thread: it ends when it is told to. */
class FakeThread implements Thread<Calls> {
  readonly calls = { call: () => Promise.reject(new Error('unused')), fail: () => undefined };
  readonly #end = Promise.withResolvers<Error | undefined>();
  readonly ended = this.#end.promise;

  async kill(): Promise<void> {
    this.#end.resolve(new Error('killed'));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#end.resolve(undefined);
  }
}

/** Keeps fake threads; the start of some of them, counted from 0, fails. */
function keepFakes(failing: readonly number[] = []) {
  const threads: FakeThread[] = [];
  const lines: string[] = [];
  let cleared = 0;
  const running = Promise.withResolvers<void>();
  const kept: KeptThread<Calls> = new KeptThread<Calls>({
    start: () => {
      const thread = new FakeThread();
      threads.push(thread);
      return thread;
    },
    bringUp: async () => {
      if (failing.includes(threads.length - 1)) throw new Error('no work');
    },
    onEnded: async () => {
      cleared += 1;
    },
    onChange: () => {
      if (kept.running && kept.restarts > 0) running.resolve();
    },
    log: (line) => lines.push(line),
  });
  return { kept, threads, lines, cleared: () => cleared, runsAgain: running.promise };
}

describe('KeptThread', () => {
  it('replaces a thread that ends, after what it left is cleared away', async () => {
    const { kept, threads, lines, cleared, runsAgain } = keepFakes();
    await kept.started;
    await kept.kill();
    await runsAgain;
    assert.equal(threads.length, 2);
    assert.equal(kept.restarts, 1);
    assert.equal(cleared(), 1);
    assert.deepEqual(lines, ['the thread ended (killed): it is replaced']);
    await kept[Symbol.asyncDispose]();
  });

  it('goes on when the thread that follows gets no work', async () => {
    const { kept, threads, lines, runsAgain } = keepFakes([1]);
    await kept.started;
    await kept.kill();
    await runsAgain;
    assert.equal(threads.length, 3);
    assert.ok(lines.includes('the thread did not start: no work'), lines.join('\n'));
    await kept[Symbol.asyncDispose]();
  });

  it('tells when the first thread got no work', async () => {
    const { kept } = keepFakes([0]);
    await assert.rejects(kept.started, /no work/);
    await kept[Symbol.asyncDispose]();
  });

  it('replaces no thread that it ended itself', async () => {
    const { kept, threads } = keepFakes();
    await kept.started;
    await kept[Symbol.asyncDispose]();
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(threads.length, 1);
    assert.equal(kept.restarts, 0);
  });
});
