import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KeptParts } from './kept-parts.ts';

function lab() {
  const log: string[] = [];
  const make = (name: string) => (): Promise<AsyncDisposable> => {
    log.push(`made ${name}`);
    return Promise.resolve({
      [Symbol.asyncDispose]: () => {
        log.push(`ended ${name}`);
        return Promise.resolve();
      },
    });
  };
  return { kept: new KeptParts(), log, make };
}

test('KeptParts.take() makes a part once, and ends it with its last user', async () => {
  const { kept, log, make } = lab();
  const [first, second] = [new AsyncDisposableStack(), new AsyncDisposableStack()];
  const part = await kept.take('a', first, make('a'));
  assert.equal(await kept.take('a', second, make('again')), part);
  await kept.take('b', second, make('b'));
  await first.disposeAsync();
  assert.deepEqual(log, ['made a', 'made b']);
  await second.disposeAsync();
  assert.deepEqual(log.toSorted(), ['ended a', 'ended b', 'made a', 'made b']);
});

test('KeptParts.take() makes a part anew once it has ended, or when it could not be made', async () => {
  const { kept, log, make } = lab();
  const failed = new AsyncDisposableStack();
  await assert.rejects(
    kept.take('a', failed, () => Promise.reject(new Error('not now'))),
    /not now/,
  );
  await failed.disposeAsync();
  for (const name of ['one', 'two']) {
    await using stack = new AsyncDisposableStack();
    await kept.take('a', stack, make(name));
  }
  assert.deepEqual(log, ['made one', 'ended one', 'made two', 'ended two']);
});
