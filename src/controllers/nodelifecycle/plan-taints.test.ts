import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Node, Pod, Toleration } from '#api/core/v1.gen.ts';
import { Heartbeats } from './heartbeats.ts';
import { evictionTimeMs, planTaints, silentConditions } from './plan-taints.ts';

const NOW = '2026-01-01T00:00:00Z';
const NOW_MS = Date.parse(NOW);

function node(ready: string | undefined, more: Partial<Node['spec']> = {}): Node {
  const conditions = ready === undefined ? [] : [{ type: 'Ready', status: ready, lastHeartbeatTime: NOW }];
  return { metadata: { name: 'n' }, spec: more, status: { conditions } };
}

const keys = (one: Node): string[] | undefined =>
  planTaints(one, NOW)?.map(({ key, effect }) => `${key.split('/')[1]}:${effect}`);

test('`planTaints()` follows the Ready condition', () => {
  assert.equal(planTaints(node('True'), NOW), undefined);
  assert.deepEqual(keys(node('False')), ['not-ready:NoSchedule', 'not-ready:NoExecute']);
  assert.deepEqual(keys(node('Unknown')), ['unreachable:NoSchedule', 'unreachable:NoExecute']);
  assert.deepEqual(keys(node(undefined)), ['not-ready:NoSchedule', 'not-ready:NoExecute']);
});

test('`planTaints()` keeps taints of others and the time of its own', () => {
  const foreign = { key: 'gpu', effect: 'NoSchedule' };
  const first = planTaints(node('False', { taints: [foreign] }), NOW) ?? [];
  assert.equal(first[0], foreign);
  assert.equal(planTaints(node('False', { taints: first }), '2027-01-01T00:00:00Z'), undefined);
  assert.deepEqual(planTaints(node('True', { taints: first }), NOW), [foreign]);
});

test('`planTaints()` follows cordons and pressure', () => {
  assert.deepEqual(keys(node('True', { unschedulable: true })), ['unschedulable:NoSchedule']);
  const pressed = node('True');
  pressed.status?.conditions?.push({ type: 'DiskPressure', status: 'True' });
  assert.deepEqual(keys(pressed), ['disk-pressure:NoSchedule']);
});

const TAINT = { key: 'node.kubernetes.io/unreachable', effect: 'NoExecute', timeAdded: NOW };
const pod = (...tolerations: Toleration[]): Pod => ({ spec: { containers: [], tolerations } });

test('`evictionTimeMs()` is at once without a toleration, never with one that lasts, else when the shortest ends', () => {
  const exists = { key: TAINT.key, operator: 'Exists' };
  assert.equal(evictionTimeMs(pod(), [TAINT], NOW_MS), 0);
  assert.equal(evictionTimeMs(pod({ key: 'other', operator: 'Exists' }), [TAINT], NOW_MS), 0);
  assert.equal(evictionTimeMs(pod({ key: TAINT.key, value: 'x' }), [TAINT], NOW_MS), 0);
  assert.equal(evictionTimeMs(pod(exists), [TAINT], NOW_MS), undefined);
  assert.equal(evictionTimeMs(pod({ operator: 'Exists' }), [TAINT], NOW_MS), undefined);
  assert.equal(evictionTimeMs(pod({ key: TAINT.key }), [TAINT], NOW_MS), undefined);
  const limited = [
    { ...exists, tolerationSeconds: 300 },
    { ...exists, effect: 'NoExecute', tolerationSeconds: 5 },
  ];
  assert.equal(evictionTimeMs(pod(...limited), [TAINT], NOW_MS), NOW_MS + 5000);
  assert.equal(evictionTimeMs(pod(), [{ ...TAINT, effect: 'NoSchedule' }], NOW_MS), undefined);
});

test('`silentConditions()` makes everything Unknown once', () => {
  const conditions = silentConditions(node('True'), '2026-01-01T00:01:00Z');
  const ready = conditions?.find(({ type }) => type === 'Ready');
  assert.deepEqual(
    [ready?.status, ready?.reason, ready?.lastHeartbeatTime],
    ['Unknown', 'NodeStatusUnknown', NOW],
  );
  assert.equal(ready?.lastTransitionTime, '2026-01-01T00:01:00Z');
  assert.equal(conditions?.find(({ type }) => type === 'DiskPressure')?.reason, 'NodeStatusNeverUpdated');
  assert.equal(silentConditions(node('Unknown'), NOW), undefined);
});

test('`Heartbeats` counts renewals and status reports as signs of life, not what we wrote ourselves', () => {
  const heartbeats = new Heartbeats();
  const lease = (renewTime: string) => ({ spec: { renewTime } });
  assert.equal(heartbeats.observe(node('True'), lease('1'), 10), 10);
  assert.equal(heartbeats.observe(node('True'), lease('1'), 20), 10);
  assert.equal(heartbeats.observe(node('True'), lease('2'), 30), 30);
  assert.equal(heartbeats.observe(node('Unknown'), lease('2'), 40), 30);
  assert.equal(heartbeats.observe(node('Unknown'), lease('3'), 50), 50);
  heartbeats.forget('n');
  assert.equal(heartbeats.observe(node('True'), lease('3'), 60), 60);
});
