import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import type { Pod } from '#api/core/v1.gen.ts';
import { BURST, planPods } from './plan-pods.ts';

const NOW = Date.parse('2026-01-02T00:00:00Z');
const OLD = '2026-01-01T00:00:00Z';

interface Facts {
  node?: string;
  phase?: string;
  ready?: string;
  cost?: string;
  restarts?: number;
  created?: string;
  deleting?: boolean;
}

function pod(name: string, facts: Facts = {}): Pod {
  const { node = 'n1', phase = 'Running', ready = OLD, cost, restarts = 0, created = OLD, deleting } = facts;
  const annotations = cost === undefined ? {} : { 'controller.kubernetes.io/pod-deletion-cost': cost };
  const deletionTimestamp = deleting ? OLD : undefined;
  return {
    metadata: { name, annotations, creationTimestamp: created, deletionTimestamp },
    spec: { containers: [], ...(node && { nodeName: node }) },
    status: {
      phase,
      conditions: [{ type: 'Ready', status: ready ? 'True' : 'False', lastTransitionTime: ready }],
      containerStatuses: [{ name: 'c', ready: true, restartCount: restarts, image: '', imageID: '' }],
    },
  };
}

function firstToGo(...pods: Pod[]): string | undefined {
  return planPods(pods.length - 1, pods, pods, NOW).remove[0]?.metadata?.name;
}

test('`planPods()` creates what is missing, finished and ending pods not counted', () => {
  const pods = [pod('a'), pod('b', { phase: 'Failed' }), pod('c', { deleting: true })];
  assert.deepEqual(planPods(3, pods, pods, NOW), { create: 2, remove: [] });
  assert.equal(planPods(5000, [], [], NOW).create, BURST);
});

test('`planPods()` brings any number of pods to any other', () => {
  fc.assert(
    fc.property(fc.nat(20), fc.nat(20), (have, want) => {
      const pods = Array.from({ length: have }, (_, index) => pod(`p${index}`));
      const { create, remove } = planPods(want, pods, pods, NOW);
      assert.equal(have + create - remove.length, want);
      assert.equal(new Set(remove).size, remove.length);
    }),
  );
});

const YOUNG = '2026-01-01T23:59:00Z';
const ORDER: [string, Facts][] = [
  ['without a node', { node: '' }],
  ['pending', { phase: 'Pending' }],
  ['not ready', { ready: '' }],
  ['of lower deletion cost', { cost: '-5' }],
  ['ready for a shorter time', { ready: YOUNG }],
  ['restarted more often', { restarts: 3 }],
  ['younger', { created: YOUNG }],
];
for (const [what, facts] of ORDER) {
  test(`\`planPods()\` ends the pod that is ${what} first`, () => {
    assert.equal(firstToGo(pod('a'), pod('worse', facts), pod('b', { node: 'n2' })), 'worse');
  });
}

test('`planPods()` ends pods on nodes that hold several of the owner first', () => {
  const pods = [pod('alone', { node: 'n2' }), pod('x', { node: 'n1' })];
  const related = [...pods, pod('sibling', { node: 'n1' })];
  assert.equal(planPods(1, pods, related, NOW).remove[0]?.metadata?.name, 'x');
});
