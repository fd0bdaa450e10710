import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import {
  ageOf,
  canonicalMicroTime,
  canonicalTime,
  formatAge,
  formatDurationNs,
  formatMicroTime,
  formatTime,
  parseDurationNs,
} from './time.ts';

const SECOND = 1000;
const HOUR = 3600 * SECOND;
const DAY = 24 * HOUR;
const AGES: readonly [number, string][] = [
  [-5 * SECOND, '<invalid>'],
  [-500, '0s'],
  [119 * SECOND, '119s'],
  [120 * SECOND, '2m'],
  [190 * SECOND, '3m10s'],
  [10 * 60 * SECOND + 5 * SECOND, '10m'],
  [3 * HOUR, '3h'],
  [3 * HOUR + 600 * SECOND, '3h10m'],
  [9 * HOUR + 600 * SECOND, '9h'],
  [49 * HOUR, '2d1h'],
  [9 * DAY, '9d'],
  [800 * DAY, '2y70d'],
  [9 * 365 * DAY, '9y'],
];
for (const [ms, text] of AGES) test(`formatAge(${ms}) is ${text}`, () => assert.equal(formatAge(ms), text));

test('ageOf() counts from a time, and does not know what is none', () => {
  assert.equal(ageOf('2026-01-01T00:00:00Z', Date.parse('2026-01-01T00:00:05Z')), '5s');
  assert.equal(ageOf(undefined, 0), '<unknown>');
  assert.equal(ageOf('soon', 0), '<unknown>');
});

test('canonicalTime() gives UTC with whole seconds and refuses what is no time', () => {
  assert.equal(canonicalTime('2026-02-28T23:30:00.999-01:00'), '2026-03-01T00:30:00Z');
  for (const bad of [
    '2026-02-30T00:00:00Z',
    '2026-01-01',
    '2026-01-01T24:00:00Z',
    '2026-01-01T00:00:00',
    'x',
  ]) {
    assert.equal(canonicalTime(bad), undefined, bad);
  }
});

test('canonicalMicroTime() gives exactly six decimals', () => {
  assert.equal(canonicalMicroTime('2026-01-01T01:00:00.123456+01:00'), '2026-01-01T00:00:00.123456Z');
  assert.equal(canonicalMicroTime('2026-01-01T00:00:00.1234567Z'), undefined);
  assert.equal(canonicalMicroTime('2026-01-01T00:00:00Z'), undefined);
  assert.equal(canonicalMicroTime('x'), undefined);
});

test('formatTime() and formatMicroTime() are canonical', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 4e12 }), (ms) => {
      assert.equal(canonicalTime(formatTime(ms)), formatTime(ms));
      assert.equal(canonicalMicroTime(formatMicroTime(ms)), formatMicroTime(ms));
    }),
  );
});

test('durations are read and written as Go does', () => {
  const pairs: [string, number][] = [
    ['0s', 0],
    ['1h2m3.5s', 3723.5e9],
    ['1m0s', 60e9],
    ['100ms', 1e8],
    ['1.5µs', 1500],
    ['15ns', 15],
    ['-2s', -2e9],
  ];
  for (const [text, ns] of pairs) {
    assert.equal(parseDurationNs(text), ns);
    assert.equal(formatDurationNs(ns), text);
  }
  assert.equal(parseDurationNs('0'), 0);
  for (const bad of ['', '5', 's', '1h-2m', '1 s']) assert.equal(parseDurationNs(bad), undefined, bad);
});
