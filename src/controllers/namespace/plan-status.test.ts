import assert from 'node:assert/strict';
import { test } from 'node:test';
import { planConditions } from './plan-status.ts';

const NOW = Date.parse('2026-01-01T00:00:00Z');
const NOTHING = { objects: new Map(), discoveryFailure: undefined, deletionFailures: [] };

test('`planConditions()` says that nothing is wrong with an empty namespace', () => {
  const conditions = planConditions(undefined, NOTHING, NOW);
  assert.equal(conditions.length, 5);
  assert.ok(conditions.every(({ status }) => status === 'False'));
});

test('`planConditions()` names what remains and what holds it', () => {
  const held = { metadata: { finalizers: ['example.com/a'] } };
  const objects = new Map([
    ['pods.', [held, {}]],
    ['secrets.', [held]],
  ]);
  const conditions = planConditions(undefined, { ...NOTHING, objects }, NOW);
  const messages = conditions.filter(({ status }) => status === 'True').map(({ message }) => message);
  assert.deepEqual(messages, [
    'Some resources are remaining: pods. has 2 resource instances, secrets. has 1 resource instances',
    'Some content in the namespace has finalizers remaining: example.com/a in 2 resource instances',
  ]);
});

test('`planConditions()` tells of failures, and keeps the time of what does not change', () => {
  const failing = { ...NOTHING, discoveryFailure: 'no answer', deletionFailures: ['pods.: refused'] };
  const conditions = planConditions(undefined, failing, NOW);
  assert.deepEqual(
    conditions.filter(({ status }) => status === 'True').map(({ reason }) => reason),
    ['DiscoveryFailed', 'ContentDeletionFailed'],
  );
  const later = planConditions({ conditions }, NOTHING, NOW + 60_000);
  assert.equal(later[0]?.lastTransitionTime, '2026-01-01T00:01:00Z');
  assert.equal(later[1]?.lastTransitionTime, '2026-01-01T00:00:00Z');
});
