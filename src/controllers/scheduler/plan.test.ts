import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import type { ContainerPort, Node, Pod, PodSpec } from '#api/core/v1.gen.ts';
import { keyOf } from '#api/machinery/object.ts';
import { ClusterState } from './cluster-state.ts';
import { placePod } from './plan.ts';

const ZONE = 'topology.kubernetes.io/zone';
const HOST = 'kubernetes.io/hostname';

function node(name: string, zone: string, more: Partial<Node> = {}): Node {
  const status = { allocatable: { pods: '10', cpu: '2', memory: '1Gi' } };
  return { metadata: { name, labels: { [HOST]: name, [ZONE]: zone, disk: name } }, status, ...more };
}

let serial = 0;
function pod(spec: Partial<PodSpec> = {}, labels: Record<string, string> = {}, owner = 'rs'): Pod {
  const uid = `u${serial++}`;
  const ownerReferences = [
    { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: owner, uid: owner, controller: true },
  ];
  return {
    metadata: { namespace: 'n', name: uid, uid, labels, ownerReferences },
    spec: { containers: [], ...spec },
  };
}

function cluster(...nodes: Node[]): ClusterState {
  const state = new ClusterState((name) => ({ team: name }));
  for (const one of nodes) state.setNode(one);
  return state;
}

const three = (): ClusterState => cluster(node('a1', 'a'), node('a2', 'a'), node('b1', 'b'));

/** Places the pod and keeps it there; the message when no node takes it. */
function place(state: ClusterState, one: Pod): string {
  const placement = placePod(one, state);
  if (placement.kind === 'unschedulable') return placement.message;
  state.placePod(one, placement.node);
  return placement.node;
}

describe('spreading', () => {
  test('goes over zones first, then over nodes', () => {
    const state = three();
    const nodes = Array.from({ length: 4 }, () => place(state, pod()));
    assert.deepEqual(nodes, ['a1', 'b1', 'a2', 'b1']);
  });

  test('is even over equal nodes, whatever the number of pods and groups', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 4 }), (groups) => {
        const state = cluster(...['a', 'b', 'c'].map((name) => node(name, name, { status: {} })));
        for (const [index, size] of groups.entries()) {
          const counts = new Map([
            ['a', 0],
            ['b', 0],
            ['c', 0],
          ]);
          for (let count = 0; count < size; count++) {
            const name = place(state, pod({}, {}, `rs${index}`));
            counts.set(name, (counts.get(name) ?? 0) + 1);
          }
          assert.ok(Math.max(...counts.values()) - Math.min(...counts.values()) <= 1);
        }
      }),
    );
  });

  test('prefers what the pod prefers', () => {
    const preference = { matchExpressions: [{ key: 'disk', operator: 'In', values: ['a2'] }] };
    const nodeAffinity = { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 5, preference }] };
    assert.equal(place(three(), pod({ affinity: { nodeAffinity } })), 'a2');
  });
});

describe('what a pod asks of a node', () => {
  test('nodeSelector and required node affinity', () => {
    assert.equal(place(three(), pod({ nodeSelector: { [ZONE]: 'b' } })), 'b1');
    const expressions: [string, string[], string][] = [
      ['In', ['a2', 'b1'], 'b1'],
      ['NotIn', ['a1', 'b1'], 'a2'],
    ];
    for (const [operator, values, expected] of expressions) {
      const nodeSelectorTerms = [
        {
          matchExpressions: [
            { key: 'disk', operator, values },
            { key: ZONE, operator: 'Exists' },
          ],
        },
      ];
      const requiredDuringSchedulingIgnoredDuringExecution = { nodeSelectorTerms };
      const one = pod({ affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution } } });
      assert.equal(
        place(cluster(node('a2', 'a'), ...three().nodes.values()), one),
        expected === 'b1' ? 'a2' : expected,
      );
    }
  });

  test('node names through matchFields', () => {
    const nodeSelectorTerms = [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: ['a2'] }] }];
    const nodeAffinity = { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms } };
    assert.equal(place(three(), pod({ affinity: { nodeAffinity } })), 'a2');
  });

  test('numbers and absence', () => {
    const numbered = cluster(
      node('x', 'a', { metadata: { name: 'x', labels: { size: '5' } } }),
      node('y', 'a'),
    );
    const asking = (key: string, operator: string, values?: string[]) => {
      const nodeSelectorTerms = [{ matchExpressions: [{ key, operator, values }] }];
      return pod({
        affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms } } },
      });
    };
    assert.equal(place(numbered, asking('size', 'Gt', ['4'])), 'x');
    assert.equal(place(numbered, asking('size', 'Lt', ['6'])), 'x');
    assert.equal(place(numbered, asking('size', 'DoesNotExist')), 'y');
    assert.match(place(numbered, asking('size', 'Unknown')), /^0\/2 nodes/);
  });

  test('taints that it does not tolerate keep it away', () => {
    const tainted = node('t', 'a', {
      spec: { taints: [{ key: 'gpu', value: 'yes', effect: 'NoSchedule' }] },
    });
    assert.match(
      place(cluster(tainted), pod()),
      /^0\/1 nodes are available: 1 node\(s\) had untolerated taint \{gpu: yes\}/,
    );
    for (const toleration of [
      { key: 'gpu', operator: 'Exists' },
      { key: 'gpu', value: 'yes', effect: 'NoSchedule' },
      { operator: 'Exists' },
    ]) {
      assert.equal(place(cluster(tainted), pod({ tolerations: [toleration] })), 't');
    }
    assert.match(place(cluster(tainted), pod({ tolerations: [{ key: 'gpu', value: 'no' }] })), /taint/);
    assert.match(
      place(
        cluster(tainted),
        pod({ tolerations: [{ key: 'gpu', operator: 'Exists', effect: 'NoExecute' }] }),
      ),
      /taint/,
    );
  });

  test('a cordoned node takes nothing', () => {
    const message = place(cluster(node('c', 'a', { spec: { unschedulable: true } })), pod());
    assert.equal(message, '0/1 nodes are available: 1 node(s) were unschedulable.');
  });

  test('room: pods, processors, memory', () => {
    const requests = { cpu: '1500m', memory: '100Mi' };
    const one = (): Pod => pod({ containers: [{ name: 'c', image: 'x', resources: { requests } }] });
    const state = cluster(node('a', 'a'));
    assert.equal(place(state, one()), 'a');
    assert.match(place(state, one()), /1 Insufficient cpu/);
    const full = cluster(node('a', 'a', { status: { allocatable: { pods: '1' } } }));
    place(full, pod());
    assert.match(place(full, pod()), /1 Too many pods/);
  });

  test('host ports: by address, protocol and number', () => {
    const asking = (...ports: ContainerPort[]): Pod =>
      pod({ containers: [{ name: 'c', image: 'x', ports }] });
    const port = { containerPort: 80, hostPort: 80 };
    const refused = "0/1 nodes are available: 1 node(s) didn't have free ports for the requested pod ports.";
    const state = cluster(node('a', 'a'));
    assert.equal(place(state, asking({ ...port, hostIP: '127.0.0.1' }, { containerPort: 90 })), 'a');
    assert.equal(place(state, asking({ ...port, hostIP: '172.30.0.11' }, { containerPort: 90 })), 'a');
    assert.equal(place(state, asking({ ...port, protocol: 'UDP' })), 'a');
    for (const taken of [port, { ...port, hostIP: '0.0.0.0' }, { ...port, hostIP: '127.0.0.1' }])
      assert.equal(place(state, asking(taken)), refused);
    assert.equal(place(state, asking({ ...port, protocol: 'UDP', hostIP: '127.0.0.1' })), refused);
    const sidecar = { name: 's', image: 'x', restartPolicy: 'Always', ports: [port] };
    assert.equal(place(state, pod({ initContainers: [sidecar] })), refused);
    for (const { pod: held } of state.placed) state.removePod(keyOf(held));
    assert.equal(place(state, asking(port)), 'a');
  });

  test('the largest init container counts, sidecars with the others', () => {
    const container = (cpu: string, restartPolicy?: string) => ({
      name: 'c',
      image: 'x',
      restartPolicy,
      resources: { requests: { cpu } },
    });
    const initContainers = [container('500m', 'Always'), container('1200m')];
    assert.match(
      place(cluster(node('a', 'a', { status: { allocatable: { cpu: '1600m' } } })), pod({ initContainers })),
      /cpu/,
    );
    assert.equal(
      place(cluster(node('a', 'a', { status: { allocatable: { cpu: '1700m' } } })), pod({ initContainers })),
      'a',
    );
  });

  test('no node at all', () => {
    assert.equal(place(cluster(), pod()), 'no nodes available to schedule pods');
  });
});

describe('what pods ask of each other', () => {
  const term = (topologyKey: string, app = 'web') => ({
    topologyKey,
    labelSelector: { matchLabels: { app } },
  });
  const apart = (key: string) => ({
    podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term(key)] },
  });
  const together = (key: string) => ({
    podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term(key)] },
  });

  test('anti-affinity by hostname puts one on each node, and no more', () => {
    const state = three();
    const one = (): Pod => pod({ affinity: apart(HOST) }, { app: 'web' });
    assert.deepEqual(
      new Set([place(state, one()), place(state, one()), place(state, one())]),
      new Set(['a1', 'a2', 'b1']),
    );
    assert.match(place(state, one()), /didn't satisfy existing pods anti-affinity rules/);
  });

  test('anti-affinity by zone puts one in each zone', () => {
    const state = three();
    const one = (): Pod => pod({ affinity: apart(ZONE) }, { app: 'web' });
    assert.deepEqual([place(state, one()), place(state, one())], ['a1', 'b1']);
    assert.match(place(state, one()), /^0\/3 nodes/);
  });

  test('anti-affinity of a pod that is there keeps others away that ask for nothing', () => {
    const state = cluster(node('a', 'a'));
    place(state, pod({ affinity: apart(HOST) }, { app: 'db' }));
    assert.match(place(state, pod({}, { app: 'web' })), /existing pods anti-affinity/);
    state.removePod('n/none');
    assert.equal(place(state, pod({}, { app: 'other' })), 'a');
  });

  test('affinity joins those who are there; the first of a group starts it', () => {
    const state = three();
    const first = place(state, pod({ affinity: together(ZONE) }, { app: 'web' }));
    assert.equal(first, 'a1');
    const zones = Array.from({ length: 3 }, () =>
      place(state, pod({ affinity: together(ZONE) }, { app: 'web' })),
    );
    assert.ok(zones.every((name) => name.startsWith('a')));
    assert.match(
      place(three(), pod({ affinity: together(ZONE) }, { app: 'other' })),
      /didn't match pod affinity rules/,
    );
  });

  test('preferences are weighed', () => {
    const state = three();
    state.placePod(pod({}, { app: 'web' }, 'x'), 'a1');
    const weighted = [{ weight: 10, podAffinityTerm: term(HOST) }];
    const near = { podAffinity: { preferredDuringSchedulingIgnoredDuringExecution: weighted } };
    const far = { podAntiAffinity: { preferredDuringSchedulingIgnoredDuringExecution: weighted } };
    assert.equal(place(state, pod({ affinity: near })), 'a1');
    assert.notEqual(place(state, pod({ affinity: far })), 'a1');
  });

  test('a namespaceSelector widens a term to other namespaces', () => {
    const state = cluster(node('a', 'a'));
    state.placePod(
      { metadata: { namespace: 'm', name: 'x', labels: { app: 'web' } }, spec: { containers: [] } },
      'a',
    );
    const affinity = (more: object) => ({
      podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [{ ...term(HOST), ...more }] },
    });
    assert.equal(placePod(pod({ affinity: affinity({}) }), state).kind, 'node');
    assert.equal(placePod(pod({ affinity: affinity({ namespaces: ['m'] }) }), state).kind, 'unschedulable');
    const namespaceSelector = { matchLabels: { team: 'm' } };
    assert.equal(placePod(pod({ affinity: affinity({ namespaceSelector }) }), state).kind, 'unschedulable');
  });

  test('topologySpreadConstraints bound how uneven a group may be', () => {
    const labelSelector = { matchLabels: { app: 'web' } };
    const constraint = { topologyKey: ZONE, maxSkew: 1, whenUnsatisfiable: 'DoNotSchedule', labelSelector };
    const state = cluster(node('a1', 'a'), node('b1', 'b', { spec: { unschedulable: true } }));
    const one = (): Pod => pod({ topologySpreadConstraints: [constraint] }, { app: 'web' });
    assert.equal(place(state, one()), 'a1');
    assert.match(place(state, one()), /topology spread constraints/);
  });
});

test('a pod that ends gives its room back, and a node that comes back has its pods', () => {
  const state = cluster(node('a', 'a', { status: { allocatable: { pods: '1' } } }));
  const one = pod();
  place(state, one);
  state.placePod({ ...one, status: { phase: 'Succeeded' } }, 'a');
  const other = pod();
  assert.equal(place(state, other), 'a');
  state.removeNode('a');
  state.setNode(node('a', 'a', { status: { allocatable: { pods: '1' } } }));
  assert.match(place(state, pod()), /Too many pods/);
});
