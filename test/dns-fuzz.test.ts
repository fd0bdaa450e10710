import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fuzzDecoders, fuzzServer } from './fuzz/dns.ts';

// The full count is for `node test/fuzz/dns.ts`: a million of each.
const SEED = 20;

test('decoders of DNS throw nothing but their own error', () => {
  fuzzDecoders(50_000, SEED);
});

test('the DNS server answers on under mutated queries, never with more than is allowed', async () => {
  const { answered, sent } = await fuzzServer(20_000, SEED);
  assert.ok(answered > sent / 2, `${answered} of ${sent} answered`);
});
