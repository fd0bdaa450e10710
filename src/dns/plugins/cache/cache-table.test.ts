import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { AnswerCounts } from '#dns/answer-counts.ts';
import { AnswerTable } from '#dns/answer-table.ts';
import type { ExpressLane } from '#dns/plugin.ts';
import { answer, ask, BLOCK, directive, request, SCOPE, testContext } from '#test/support/dns-plugin.ts';
import { HeaderFlag } from '#wire/dns.ts';
import { CacheHandler } from './cache-handler.ts';
import { parseCache } from './config.ts';

/** A cache with a table before it, whose answers live for 60 s. */
async function start(t: TestContext, text: string) {
  t.mock.timers.enable({ apis: ['Date'], now: 1_000_000_000 });
  await using stack = new AsyncDisposableStack();
  const table = new AnswerTable();
  const lane: ExpressLane = {
    table,
    zones: new Set(['\0']),
    takesAbsent: () => false,
    counts: new AnswerCounts(),
    closed: false,
  };
  const block = { ...BLOCK, express: new Map([['cache', lane]]) };
  const handler = new CacheHandler(parseCache(directive(text), SCOPE), testContext(stack, block));
  const seen = { byCache: 0, byUpstream: 0 };
  const get = async (): Promise<void> => {
    const asked = request('a.example', 'A', { block });
    const bytes = Buffer.alloc(512);
    bytes.set(asked.query.message);
    table.startBatch();
    if (table.answer(bytes, 0, asked.query.message.length, 512, 0) > 0) return;
    seen.byCache++;
    await ask(handler, asked, () => {
      seen.byUpstream++;
      return answer(['a.example. 60 A 192.0.2.1'], { flags: HeaderFlag.RA });
    });
  };
  return { get, seen, pass: (seconds: number) => t.mock.timers.tick(seconds * 1000) };
}

test('cache sees an answer once more after it was kept, then no more until it ends', async (t) => {
  const { get, seen, pass } = await start(t, 'cache');
  for (let i = 0; i < 10; i++) await get();
  pass(59);
  await get();
  assert.deepEqual(seen, { byCache: 2, byUpstream: 1 });
  pass(1);
  await get();
  assert.deepEqual(seen, { byCache: 3, byUpstream: 2 });
});

test('cache prefetches by hits that it has not seen itself', async (t) => {
  const { get, seen, pass } = await start(t, 'cache {\nprefetch 5 1m 20%\n}');
  for (let i = 0; i < 5; i++) await get();
  pass(47);
  await get();
  assert.deepEqual(seen, { byCache: 2, byUpstream: 1 });
  pass(1);
  await get();
  assert.deepEqual(seen, { byCache: 3, byUpstream: 2 });
});

test('cache does not prefetch what was asked for too seldom, nor leaves hits to the table that are far apart', async (t) => {
  const seldom = await start(t, 'cache {\nprefetch 5 1m 20%\n}');
  for (let i = 0; i < 3; i++) await seldom.get();
  seldom.pass(50);
  await seldom.get();
  assert.deepEqual(seldom.seen, { byCache: 3, byUpstream: 1 });
  t.mock.timers.reset();
  const apart = await start(t, 'cache {\nprefetch 2 10s 20%\n}');
  for (let i = 0; i < 4; i++) await apart.get();
  assert.deepEqual(apart.seen, { byCache: 4, byUpstream: 1 });
});
