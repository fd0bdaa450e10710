import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ControllerRevision, StatefulSet, StatefulSetSpec } from '#api/apps/v1.gen.ts';
import type { Pod } from '#api/core/v1.gen.ts';
import { newPod, ordinalOf } from './plan-identity.ts';
import { planPods, type Step } from './plan-pods.ts';
import { planRevisions } from './plan-revisions.ts';
import { planStatus } from './plan-status.ts';

const NOW = Date.parse('2026-01-01T00:01:00Z');

function statefulSet(spec: Partial<StatefulSetSpec> = {}, image = 'a'): StatefulSet {
  const labels = { app: 'db' };
  return {
    metadata: { namespace: 'n', name: 'db', uid: 'u', generation: 1 },
    spec: {
      replicas: 3,
      serviceName: 'db',
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [{ name: 'c', image }] } },
      ...spec,
    },
  };
}

/** A small cluster: pods become ready one step after they were made, and go one step after they were deleted. */
class World {
  set: StatefulSet;
  pods = new Map<string, Pod>();
  revisions: ControllerRevision[] = [];
  broken = 'broken';

  constructor(set: StatefulSet) {
    this.set = set;
  }

  step(): string[] {
    const pods = [...this.pods.values()];
    const plan = planRevisions(this.set, this.revisions, new Set());
    const others = this.revisions.filter(({ metadata }) => metadata?.name !== plan.update.metadata?.name);
    this.revisions = [...others.filter((one) => !plan.remove.includes(one)), plan.update];
    const { steps } = planPods(this.set, pods, plan, NOW);
    const status = planStatus(this.set, pods, plan, NOW);
    this.#run();
    for (const step of steps) this.#apply(step, plan);
    if (status) this.set = { ...this.set, status };
    return steps.map((step) =>
      step.kind === 'create' ? `+${step.ordinal}` : `-${ordinalOf(this.set, step.pod)}`,
    );
  }

  /** Steps until nothing happens three times in a row; what happened. */
  settle(): string[] {
    const log: string[] = [];
    for (let quiet = 0; quiet < 4; ) {
      const steps = this.step();
      quiet = steps.length === 0 ? quiet + 1 : 0;
      log.push(...steps);
    }
    return log;
  }

  update(spec: Partial<StatefulSetSpec>, image?: string): void {
    const template = image === undefined ? {} : { template: statefulSet({}, image).spec.template };
    this.set = { ...this.set, spec: { ...this.set.spec, ...spec, ...template } };
  }

  images(): string[] {
    return [...this.pods.values()]
      .toSorted((a, b) => ((a.metadata?.name ?? '') < (b.metadata?.name ?? '') ? -1 : 1))
      .map((pod) => pod.spec?.containers[0]?.image ?? '');
  }

  #apply(step: Step, plan: ReturnType<typeof planRevisions>): void {
    if (step.kind === 'create') {
      const pod = newPod(this.set, plan[step.revision], step.ordinal);
      this.pods.set(pod.metadata?.name ?? '', { ...pod, status: { phase: 'Pending' } });
    } else {
      const { metadata } = step.pod;
      const deletionTimestamp = '2026-01-01T00:00:30Z';
      this.pods.set(metadata?.name ?? '', { ...step.pod, metadata: { ...metadata, deletionTimestamp } });
    }
  }

  #run(): void {
    for (const [name, pod] of this.pods) {
      if (pod.metadata?.deletionTimestamp) this.pods.delete(name);
      else if (pod.spec?.containers[0]?.image !== this.broken) {
        const conditions = [{ type: 'Ready', status: 'True', lastTransitionTime: '2026-01-01T00:00:55Z' }];
        this.pods.set(name, { ...pod, status: { phase: 'Running', conditions } });
      }
    }
  }
}

describe('one by one', () => {
  test('makes each pod when the one before is ready, and ends them from the last', () => {
    const world = new World(statefulSet());
    assert.deepEqual(world.step(), ['+0']);
    assert.deepEqual(world.step(), []);
    assert.deepEqual(world.step(), ['+1']);
    world.settle();
    assert.equal(world.pods.size, 3);
    world.update({ replicas: 1 });
    assert.deepEqual(world.settle(), ['-2', '-1']);
    assert.equal(world.set.status?.replicas, 1);
  });

  test('gives each pod its name, hostname, subdomain and labels', () => {
    const world = new World(statefulSet({ ordinals: { start: 5 } }));
    world.step();
    const pod = world.pods.get('db-5');
    assert.equal(pod?.spec?.hostname, 'db-5');
    assert.equal(pod.spec.subdomain, 'db');
    assert.equal(pod.metadata?.labels?.['statefulset.kubernetes.io/pod-name'], 'db-5');
    assert.equal(pod.metadata.labels['apps.kubernetes.io/pod-index'], '5');
    assert.equal(pod.metadata.labels['controller-revision-hash'], world.revisions[0]?.metadata?.name);
  });

  test('replaces a pod that has ended', () => {
    const world = new World(statefulSet({ replicas: 1 }));
    world.settle();
    const pod = world.pods.get('db-0') ?? {};
    world.pods.set('db-0', { ...pod, status: { phase: 'Failed' } });
    world.broken = 'a';
    assert.deepEqual(world.step(), ['-0']);
  });
});

test('in parallel makes and ends all pods at once', () => {
  const world = new World(statefulSet({ podManagementPolicy: 'Parallel' }));
  assert.deepEqual(world.step(), ['+0', '+1', '+2']);
  world.settle();
  world.update({ replicas: 0 });
  assert.deepEqual(world.step(), ['-2', '-1', '-0']);
});

describe('rolling update', () => {
  test('replaces pods from the last to the first, one at a time', () => {
    const world = new World(statefulSet());
    world.settle();
    world.update({}, 'b');
    assert.deepEqual(world.settle(), ['-2', '+2', '-1', '+1', '-0', '+0']);
    assert.deepEqual(world.images(), ['b', 'b', 'b']);
    const { status } = world.set;
    assert.equal(status?.currentRevision, status?.updateRevision);
    assert.equal(status?.currentReplicas, 3);
  });

  test('stops at a pod that does not become ready', () => {
    const world = new World(statefulSet());
    world.settle();
    world.update({}, 'broken');
    assert.deepEqual(world.settle(), ['-2', '+2']);
    assert.deepEqual(world.images(), ['a', 'a', 'broken']);
  });

  test('leaves ordinals below the partition as they are, also when they are made again', () => {
    const world = new World(statefulSet());
    world.settle();
    world.update({ updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 2 } } }, 'b');
    assert.deepEqual(world.settle(), ['-2', '+2']);
    assert.deepEqual(world.images(), ['a', 'a', 'b']);
    world.pods.delete('db-0');
    world.settle();
    assert.deepEqual(world.images(), ['a', 'a', 'b']);
    assert.equal(world.set.status?.updatedReplicas, 1);
  });

  test('takes several at a time when maxUnavailable allows it', () => {
    const world = new World(statefulSet({ podManagementPolicy: 'Parallel' }));
    world.settle();
    world.update({ updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 2 } } }, 'b');
    assert.deepEqual(world.step(), ['-2', '-1']);
  });

  test('waits for whoever updates with OnDelete', () => {
    const world = new World(statefulSet({ updateStrategy: { type: 'OnDelete' } }));
    world.settle();
    world.update({}, 'b');
    assert.deepEqual(world.settle(), []);
    world.pods.delete('db-1');
    world.settle();
    assert.deepEqual(world.images(), ['a', 'b', 'a']);
  });
});

describe('revisions', () => {
  test('a template that comes back is renumbered, not made again', () => {
    const world = new World(statefulSet());
    world.settle();
    world.update({}, 'b');
    world.settle();
    world.update({}, 'a');
    world.settle();
    assert.deepEqual(
      world.revisions.map(({ revision }) => revision),
      [2, 3],
    );
    assert.deepEqual(world.images(), ['a', 'a', 'a']);
  });

  test('old ones beyond the history limit go', () => {
    const world = new World(statefulSet({ revisionHistoryLimit: 1 }));
    for (const image of ['a', 'b', 'c', 'd']) {
      world.update({}, image);
      world.settle();
    }
    assert.deepEqual(
      world.revisions.map(({ revision }) => revision),
      [3, 4],
    );
  });
});

test('a StatefulSet that is being deleted gets nothing new', () => {
  const world = new World(statefulSet());
  world.set = {
    ...world.set,
    metadata: { ...world.set.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' },
  };
  assert.deepEqual(world.settle(), []);
});

test('minReadySeconds says when to look again', () => {
  const world = new World(statefulSet({ minReadySeconds: 10 }));
  world.step();
  world.step();
  const plan = planRevisions(world.set, world.revisions, new Set());
  const { steps, checkAgainMs } = planPods(world.set, [...world.pods.values()], plan, NOW);
  assert.deepEqual([steps, checkAgainMs], [[], 5000]);
});
