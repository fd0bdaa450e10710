import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Pod } from '#api/core/v1.gen.ts';
import { planCollect } from './plan-collect.ts';

const LIMITS = { terminatedPodThreshold: 1, orphanedPodGraceMs: 100 };

function pod(name: string, node: string | undefined, phase = 'Running', deleting = false): Pod {
  const deletionTimestamp = deleting ? '2026-01-01T00:00:00Z' : undefined;
  return {
    metadata: { name, creationTimestamp: name, deletionTimestamp },
    spec: { containers: [], ...(node && { nodeName: node }) },
    status: { phase },
  };
}

function collected(...pods: Pod[]): string[] {
  const goneMs = (name: string): number | undefined => ({ gone: 100, going: 99 })[name];
  return planCollect(pods, goneMs, LIMITS).map(({ pod: one, why }) => `${one.metadata?.name} ${why}`);
}

test('`planCollect()` takes pods of nodes that are gone long enough', () => {
  assert.deepEqual(collected(pod('a', 'gone'), pod('b', 'going'), pod('c', 'here')), ['a orphaned']);
});

test('`planCollect()` takes pods that were deleted before they had a node', () => {
  assert.deepEqual(collected(pod('a', undefined, 'Pending', true), pod('b', undefined, 'Pending')), [
    'a unscheduled',
  ]);
});

test('`planCollect()` takes the oldest finished pods beyond the limit', () => {
  assert.deepEqual(collected(pod('2', 'here', 'Failed'), pod('1', 'here', 'Succeeded')), ['1 excess']);
});
