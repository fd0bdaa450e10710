import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CLASS_IN, encodeQuery, RecordType } from '#wire/dns.ts';
import { PendingQueries } from './pending-queries.ts';

const QUERY = encodeQuery(7, { name: ['a', 'test'], type: RecordType.A, class: CLASS_IN }, 0);

test('ask() rejects when so many queries wait that IDs would run out, and takes more when they are over', async () => {
  const pending = new PendingQueries(() => undefined);
  const ids = new Set<number>();
  const ask = (): Promise<Buffer> => pending.ask(QUERY, 60_000, (_, id) => ids.add(id));
  const waiting: Promise<unknown>[] = [];
  while (pending.size === waiting.length && waiting.length < 0x10000) waiting.push(ask().catch(String));
  assert.match(String(await waiting.at(-1)), /too many queries/);
  assert.equal(ids.size, waiting.length - 1);
  pending.failAll(new Error('over'));
  assert.equal(await waiting[0], 'Error: over');
  const last = ask();
  assert.equal(pending.size, 1);
  pending.failAll(new Error('over'));
  await assert.rejects(last, /over/);
});
