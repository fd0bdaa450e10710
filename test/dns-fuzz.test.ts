import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fuzzDecoders, fuzzServer } from './fuzz/dns.ts';
import { fuzzTexts } from './fuzz/dns-texts.ts';

// The full count is for `node test/fuzz/dns.ts`: a million of each.
const SEED = 20;

test('decoders of DNS throw nothing but their own error', () => {
  fuzzDecoders(50_000, SEED);
});

test('what reads Corefiles, zone and hosts files, ConfigMaps, templates and records throws nothing but its own error', () => {
  fuzzTexts(20_000, SEED);
});

test('the DNS server answers on under mutated queries, never with more than is allowed', async () => {
  const report = await fuzzServer(20_000, SEED);
  assert.ok(report.answered > report.sent / 2, `${report.answered} of ${report.sent} answered`);
  // Connections that are cut off lose the answers of what came before.
  for (const { answered, sent } of Object.values(report.streams))
    assert.ok(answered > sent / 5, `${answered} of ${sent} answered`);
});
