import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ContainerState, Pod, PodSpec } from '#api/core/v1.gen.ts';
import { type ContainerSnapshot, type PodSnapshot, planPodStatus } from './plan-pod-status.ts';
import { planStatusPatch } from './plan-status-patch.ts';

const NOW = '2026-01-02T03:04:05Z';
const running: ContainerState = { running: { startedAt: NOW } };
const waiting: ContainerState = { waiting: { reason: 'ContainerCreating' } };
const ended = (exitCode: number): ContainerState => ({ terminated: { exitCode } });

const container = (
  name: string,
  state: ContainerState,
  more: Partial<ContainerSnapshot> = {},
): ContainerSnapshot => ({
  name,
  state,
  lastState: {},
  ready: state.running !== undefined,
  started: state.running !== undefined,
  restartCount: 0,
  image: 'i',
  imageID: '',
  containerID: undefined,
  sidecar: false,
  ...more,
});
const snapshot = (containers: ContainerSnapshot[], more: Partial<PodSnapshot> = {}): PodSnapshot => ({
  init: [],
  containers,
  podIps: ['10.0.0.1'],
  hostIps: ['172.30.0.10'],
  sandboxReady: true,
  startTime: NOW,
  ended: false,
  ...more,
});
const pod = (spec: Partial<PodSpec> = {}, more: Partial<Pod> = {}): Pod => ({
  metadata: { name: 'p', uid: 'u', generation: 3 },
  spec: { containers: [], ...spec },
  ...more,
});
const condition = (status: ReturnType<typeof planPodStatus>, type: string) =>
  status.conditions?.find((c) => c.type === type);

test('planPodStatus() decides the phase', () => {
  const crashed = container('a', waiting, { lastState: ended(1) });
  const cases: [string, Partial<PodSpec>, PodSnapshot][] = [
    ['Pending', {}, snapshot([container('a', waiting)])],
    ['Pending', {}, snapshot([container('a', running), container('b', waiting)])],
    ['Running', {}, snapshot([container('a', running)])],
    ['Running', {}, snapshot([crashed])],
    ['Running', { restartPolicy: 'Always' }, snapshot([container('a', ended(0))])],
    ['Running', { restartPolicy: 'Never' }, snapshot([container('a', ended(0))])],
    ['Failed', { restartPolicy: 'Never' }, snapshot([container('a', ended(1))], { ended: true })],
    ['Running', { restartPolicy: 'OnFailure' }, snapshot([container('a', ended(1))])],
    ['Running', { restartPolicy: 'Never' }, snapshot([container('a', ended(1)), container('b', running)])],
    ['Failed', { restartPolicy: 'Always' }, snapshot([container('a', ended(137))], { ended: true })],
    ['Succeeded', { restartPolicy: 'Always' }, snapshot([container('a', ended(0))], { ended: true })],
    ['Pending', {}, snapshot([container('a', waiting)], { init: [container('i', running)] })],
    [
      'Failed',
      { restartPolicy: 'Never' },
      snapshot([container('a', waiting)], { init: [container('i', ended(1))], ended: true }),
    ],
    [
      'Failed',
      {},
      snapshot([container('a', running)], { failure: { reason: 'DeadlineExceeded', message: 'm' } }),
    ],
  ];
  for (const [phase, spec, state] of cases)
    assert.equal(planPodStatus(pod(spec), state, NOW).phase, phase, JSON.stringify(state));
});

test('planPodStatus() tells which containers are not ready', () => {
  const status = planPodStatus(
    pod(),
    snapshot([container('a', running, { ready: false }), container('b', running)]),
    NOW,
  );
  assert.deepEqual(condition(status, 'Ready'), {
    type: 'Ready',
    status: 'False',
    reason: 'ContainersNotReady',
    message: 'containers with unready status: [a]',
    observedGeneration: 3,
    lastTransitionTime: NOW,
  });
  assert.equal(condition(status, 'Initialized')?.status, 'True');
  assert.deepEqual(
    [status.podIP, status.podIPs, status.hostIP, status.observedGeneration],
    ['10.0.0.1', [{ ip: '10.0.0.1' }], '172.30.0.10', 3],
  );
});

test('planPodStatus() waits for init containers and started sidecars', () => {
  const init = [
    container('one', ended(0)),
    container('two', running),
    container('side', running, { sidecar: true, started: false }),
  ];
  const status = planPodStatus(pod(), snapshot([container('a', waiting)], { init }), NOW);
  assert.equal(condition(status, 'Initialized')?.message, 'containers with incomplete status: [two side]');
});

test('planPodStatus() honours readiness gates', () => {
  const gated = (conditions: object[]): Pod =>
    pod({ readinessGates: [{ conditionType: 'x/y' }] }, { status: { conditions: conditions as never } });
  const state = snapshot([container('a', running)]);
  assert.match(condition(planPodStatus(gated([]), state, NOW), 'Ready')?.message ?? '', /does not exist/);
  assert.match(
    condition(planPodStatus(gated([{ type: 'x/y', status: 'False' }]), state, NOW), 'Ready')?.message ?? '',
    /but False/,
  );
  const ready = planPodStatus(gated([{ type: 'x/y', status: 'True' }]), state, NOW);
  assert.equal(condition(ready, 'Ready')?.status, 'True');
  assert.equal(condition(ready, 'x/y')?.status, 'True');
});

test('planPodStatus() keeps the transition time of what did not turn', () => {
  const before = planPodStatus(
    pod(),
    snapshot([container('a', running, { ready: false })]),
    '2026-01-01T00:00:00Z',
  );
  const after = planPodStatus(pod({}, { status: before }), snapshot([container('a', running)]), NOW);
  assert.equal(condition(after, 'Initialized')?.lastTransitionTime, '2026-01-01T00:00:00Z');
  assert.equal(condition(after, 'Ready')?.lastTransitionTime, NOW);
});

test('planStatusPatch() is null for what is written already, and small for a change', () => {
  const status = planPodStatus(pod(), snapshot([container('a', running)]), NOW);
  const written = pod({}, { status });
  assert.equal(planStatusPatch(written, status), null);
  const next = planPodStatus(written, snapshot([container('a', running, { ready: false })]), NOW);
  const patch = planStatusPatch(written, next) as { metadata: object; status: Record<string, unknown> };
  assert.deepEqual(patch.metadata, { uid: 'u' });
  assert.deepEqual(Object.keys(patch.status).sort(), ['conditions', 'containerStatuses']);
  assert.deepEqual(
    (patch.status['conditions'] as { type: string }[]).map(({ type }) => type),
    ['Ready', 'ContainersReady'],
  );
});

test('planStatusPatch() takes away a reason that no longer holds and replaces addresses', () => {
  const old = pod({}, { status: { reason: 'Evicted', podIPs: [{ ip: '10.0.0.9' }] } });
  const patch = planStatusPatch(old, { phase: 'Running', podIPs: [{ ip: '10.0.0.1' }] });
  assert.deepEqual(patch?.['status'], {
    phase: 'Running',
    reason: null,
    podIPs: [{ ip: '10.0.0.1' }, { $patch: 'replace' }],
  });
});
