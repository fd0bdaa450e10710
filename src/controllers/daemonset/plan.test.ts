import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { DaemonSet, DaemonSetSpec } from '#api/apps/v1.gen.ts';
import type { Node, Pod, PodSpec, Taint } from '#api/core/v1.gen.ts';
import { judgeNode, nodeOf, specFor } from './plan-nodes.ts';
import { HASH_LABEL, hashOf, placesOf, planPods } from './plan-pods.ts';
import { planStatus } from './plan-status.ts';

const NOW = Date.parse('2026-01-01T00:01:00Z');

function daemonSet(podSpec: Partial<PodSpec> = {}, spec: Partial<DaemonSetSpec> = {}): DaemonSet {
  const labels = { app: 'agent' };
  const template = { metadata: { labels }, spec: { containers: [{ name: 'c', image: 'a' }], ...podSpec } };
  return {
    metadata: { namespace: 'n', name: 'agent', uid: 'u', generation: 3 },
    spec: { selector: { matchLabels: labels }, template, ...spec },
  };
}

function node(name: string, taints: Taint[] = [], more: Partial<Node['spec'] & object> = {}): Node {
  return { metadata: { name, labels: { name } }, spec: { taints, ...more } };
}

let serial = 0;
function pod(set: DaemonSet, on: string, more: { ready?: boolean; phase?: string; hash?: string } = {}): Pod {
  const { ready = true, phase = 'Running', hash = hashOf(set) } = more;
  const name = `agent-${String(serial++).padStart(4, '0')}`;
  const since = '2026-01-01T00:00:50Z';
  const conditions = [{ type: 'Ready', status: ready ? 'True' : 'False', lastTransitionTime: since }];
  return {
    metadata: { namespace: 'n', name, uid: name, creationTimestamp: since, labels: { [HASH_LABEL]: hash } },
    spec: { nodeName: on, containers: [] },
    status: { phase, conditions },
  };
}

function plan(set: DaemonSet, nodes: Node[], pods: Pod[]): { create: string[]; remove: string[] } {
  const { create, remove } = planPods(set, placesOf(set, nodes, pods), NOW);
  return { create, remove: remove.map(({ metadata }) => metadata?.name ?? '') };
}
const nameOf = (one: Pod): string => one.metadata?.name ?? '';

describe('judgeNode()', () => {
  const verdict = (set: DaemonSet, one: Node): string => {
    const { runs, stays } = judgeNode(set, one);
    return `${runs ? 'runs' : 'not'} ${stays ? 'stays' : 'goes'}`;
  };
  const taint = (key: string, effect: string): Taint => ({ key, effect });

  test('takes a cordoned and an unreachable node, not one with a taint of its own', () => {
    const set = daemonSet();
    assert.equal(verdict(set, node('a', [], { unschedulable: true })), 'runs stays');
    assert.equal(
      verdict(set, node('a', [taint('node.kubernetes.io/unreachable', 'NoExecute')])),
      'runs stays',
    );
    assert.equal(verdict(set, node('a', [taint('gpu', 'NoSchedule')])), 'not stays');
    assert.equal(verdict(set, node('a', [taint('gpu', 'NoExecute')])), 'not goes');
    const tolerations = [{ key: 'gpu', operator: 'Exists' }];
    assert.equal(verdict(daemonSet({ tolerations }), node('a', [taint('gpu', 'NoExecute')])), 'runs stays');
  });

  test('heeds the node selector and the name in the template', () => {
    assert.equal(verdict(daemonSet({ nodeSelector: { name: 'b' } }), node('a')), 'not goes');
    assert.equal(verdict(daemonSet({ nodeName: 'a' }), node('a')), 'runs stays');
    assert.equal(verdict(daemonSet({ nodeName: 'b' }), node('a')), 'not goes');
    const network = [taint('node.kubernetes.io/network-unavailable', 'NoSchedule')];
    assert.equal(verdict(daemonSet(), node('a', network)), 'not stays');
    assert.equal(verdict(daemonSet({ hostNetwork: true }), node('a', network)), 'runs stays');
  });
});

test('specFor() names the node beside what the template asks for, and nodeOf() finds it there', () => {
  const expressions = { matchExpressions: [{ key: 'x', operator: 'Exists' }] };
  const requiredDuringSchedulingIgnoredDuringExecution = { nodeSelectorTerms: [expressions] };
  const affinity = { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution } };
  const spec = specFor({ containers: [], affinity }, 'a');
  const [term] =
    spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [];
  assert.deepEqual(term?.matchExpressions, expressions.matchExpressions);
  assert.equal(nodeOf({ spec }), 'a');
  assert.equal(nodeOf({ spec: { ...spec, nodeName: 'b' } }), 'b');
});

describe('planPods()', () => {
  const nodes = [node('a'), node('b'), node('c')];

  test('makes one pod on every node that has none', () => {
    const set = daemonSet();
    assert.deepEqual(plan(set, nodes, [pod(set, 'b')]), { create: ['a', 'c'], remove: [] });
  });

  test('ends the younger of two, what has finished, and pods where none may be', () => {
    const set = daemonSet({ nodeSelector: { name: 'a' } });
    const [kept, double, done, stray] = [
      pod(set, 'a'),
      pod(set, 'a'),
      pod(set, 'a', { phase: 'Failed' }),
      pod(set, 'b'),
    ];
    const { create, remove } = plan(
      set,
      nodes,
      [double, stray, kept, done].filter((one) => one !== undefined),
    );
    assert.deepEqual(create, []);
    assert.deepEqual(
      remove.toSorted(),
      [double, done, stray].map((one) => nameOf(one)),
    );
  });

  test('waits for a pod that is being ended before it makes the next', () => {
    const set = daemonSet();
    const [going, ...others] = nodes.map(({ metadata }) => pod(set, metadata?.name ?? ''));
    const deleted = { ...going, metadata: { ...going?.metadata, deletionTimestamp: '2026-01-01T00:01:00Z' } };
    assert.deepEqual(plan(set, nodes, [deleted, ...others]), { create: [], remove: [] });
  });

  test('replaces old pods: broken ones at once, the others as far as maxUnavailable allows', () => {
    const set = daemonSet();
    const old = nodes.map(({ metadata }) => pod(set, metadata?.name ?? '', { hash: 'old' }));
    assert.equal(plan(set, nodes, old).remove.length, 1);
    const two = daemonSet({}, { updateStrategy: { rollingUpdate: { maxUnavailable: '50%' } } });
    assert.equal(plan(two, nodes, old).remove.length, 2);
    const broken = pod(set, 'a', { hash: 'old', ready: false });
    assert.deepEqual(plan(set, nodes, [broken, ...old.slice(1)]).remove, [nameOf(broken)]);
    const onDelete = daemonSet({}, { updateStrategy: { type: 'OnDelete' } });
    assert.deepEqual(plan(onDelete, nodes, old).remove, []);
  });
});

test('planStatus() counts nodes, and knows when a ready pod comes to be available', () => {
  const set = daemonSet({ nodeSelector: { name: 'a' } }, { minReadySeconds: 15 });
  const nodes = [node('a'), node('b')];
  const pods = [pod(set, 'a'), pod(set, 'b', { hash: 'old' })];
  const { status, nextChangeMs } = planStatus(set, placesOf(set, nodes, pods), NOW);
  assert.deepEqual(status, {
    observedGeneration: 3,
    desiredNumberScheduled: 1,
    currentNumberScheduled: 1,
    numberMisscheduled: 1,
    numberReady: 1,
    numberAvailable: 0,
    numberUnavailable: 1,
    updatedNumberScheduled: 1,
  });
  assert.equal(nextChangeMs, 5000);
  assert.equal(planStatus({ ...set, status }, placesOf(set, nodes, pods), NOW).status, undefined);
});
