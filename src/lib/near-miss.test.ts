import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nearMiss } from './near-miss.ts';

const KNOWN = ['cache', 'kubernetes', 'forward', 'any', 'log', 'loop'];

for (const [word, meant] of [
  ['kubernets', 'kubernetes'],
  ['Kubernetes', 'kubernetes'],
  ['froward', 'forward'],
  ['cahce', 'cache'],
  ['logs', 'log'],
  ['xyz', undefined],
  ['dnstap', undefined],
  ['', undefined],
] as const) {
  test(`nearMiss() takes ${JSON.stringify(word)} for ${meant ?? 'nothing known'}`, () => {
    assert.equal(nearMiss(word, KNOWN), meant);
  });
}
