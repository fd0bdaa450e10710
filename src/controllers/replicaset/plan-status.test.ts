import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Pod } from '#api/core/v1.gen.ts';
import { planStatus, type ReplicaView } from './plan-status.ts';

const NOW = Date.parse('2026-01-01T00:00:30Z');

const pod = (ready: string | undefined, labels = { app: 'web' }, deleting = false): Pod => ({
  metadata: { labels, deletionTimestamp: deleting ? '2026-01-01T00:00:00Z' : undefined },
  status: {
    phase: 'Running',
    conditions: [{ type: 'Ready', status: ready ? 'True' : 'False', lastTransitionTime: ready }],
  },
});

const view = (more: Partial<ReplicaView> = {}): ReplicaView => ({
  metadata: { generation: 3 },
  replicas: 3,
  minReadySeconds: 0,
  templateLabels: { app: 'web' },
  status: undefined,
  ...more,
});

test('`planStatus()` counts pods that are there, fully labelled, ready, available and ending', () => {
  const pods = [
    pod('2026-01-01T00:00:00Z'),
    pod('2026-01-01T00:00:25Z', { app: 'other' }),
    pod(undefined),
    pod(undefined, { app: 'web' }, true),
  ];
  const { status, nextChangeMs } = planStatus(view({ minReadySeconds: 10 }), pods, undefined, NOW);
  assert.deepEqual(status, {
    replicas: 3,
    fullyLabeledReplicas: 2,
    readyReplicas: 2,
    availableReplicas: 1,
    terminatingReplicas: 1,
    observedGeneration: 3,
  });
  assert.equal(nextChangeMs, 5000);
});

test('`planStatus()` has nothing to write when the stored status says the same, zeros left out', () => {
  const status = { replicas: 1, fullyLabeledReplicas: 1, observedGeneration: 3 };
  assert.equal(planStatus(view({ status }), [pod(undefined)], undefined, NOW).status, undefined);
});

test('`planStatus()` says what failed, since when, and no longer once it works', () => {
  const failure = { reason: 'FailedCreate' as const, message: 'quota' };
  const failed = planStatus(view(), [], failure, NOW).status;
  assert.equal(failed?.conditions?.[0]?.reason, 'FailedCreate');
  assert.equal(failed.conditions[0].lastTransitionTime, '2026-01-01T00:00:30Z');
  assert.equal(planStatus(view({ status: failed }), [], failure, NOW + 60_000).status, undefined);
  assert.equal(planStatus(view({ status: failed }), [], undefined, NOW).status?.conditions, undefined);
});
