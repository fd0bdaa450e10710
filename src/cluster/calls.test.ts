import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { MessageChannel } from 'node:worker_threads';
import { joinThreads } from './calls.ts';

type Theirs = {
  double(input: number): number;
  fail(input: undefined): void;
};

function pair(t: { after(fn: () => void): void }) {
  const { port1, port2 } = new MessageChannel();
  t.after(() => port1.close());
  joinThreads(port2, {
    double: async (input: number) => input * 2,
    fail: () => {
      throw Object.assign(new Error('no'), { code: 'ENOENT' });
    },
  });
  return joinThreads<Theirs>(port1, {});
}

describe('joinThreads()', () => {
  it('answers each call with its own result', async (t) => {
    const caller = pair(t);
    assert.deepEqual(await Promise.all([1, 2, 3].map((input) => caller.call('double', input))), [2, 4, 6]);
  });

  it('rejects with message and code of the error on the other side', async (t) => {
    await assert.rejects(pair(t).call('fail', undefined), { message: 'no', code: 'ENOENT' });
  });

  it('rejects a call that the other side does not know', async (t) => {
    const caller = pair(t) as unknown as { call(name: string, input: unknown): Promise<unknown> };
    await assert.rejects(caller.call('halve', 1), /does not know this call/);
  });

  it('rejects open and later calls once the other side has failed', async (t) => {
    const caller = pair(t);
    const open = caller.call('double', 1);
    caller.fail(new Error('thread ended'));
    await assert.rejects(open, /thread ended/);
    await assert.rejects(caller.call('double', 1), /thread ended/);
  });
});
