import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import type { Deployment, DeploymentSpec, ReplicaSet } from '#api/apps/v1.gen.ts';
import { type DeploymentPlan, planDeployment } from './plan.ts';

const NOW = Date.parse('2026-01-01T00:10:00Z');

function deployment(spec: Partial<DeploymentSpec> = {}, image = 'a'): Deployment {
  const labels = { app: 'web' };
  return {
    metadata: { namespace: 'n', name: 'web', uid: 'u', generation: 1 },
    spec: {
      replicas: 4,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [{ name: 'c', image }] } },
      ...spec,
    },
  };
}

/** A small cluster: ReplicaSets get what they ask for at once, pods of `broken` images never become available. */
class World {
  object: Deployment;
  sets: ReplicaSet[] = [];
  readonly broken: string;
  #serial = 0;

  constructor(object: Deployment, broken = 'broken') {
    this.object = object;
    this.broken = broken;
  }

  plan(nowMs = NOW): DeploymentPlan {
    return planDeployment(this.object, this.sets, (set) => set.status?.replicas ?? 0, nowMs);
  }

  step(nowMs = NOW): DeploymentPlan {
    const plan = this.plan(nowMs);
    if (plan.create) {
      const creationTimestamp = new Date(NOW + this.#serial++ * 1000).toISOString();
      this.sets.push({
        ...plan.create,
        metadata: { ...plan.create.metadata, creationTimestamp, uid: `s${this.#serial}` },
      });
    }
    const written = new Map(plan.update.map(({ set }) => [set.metadata?.name, set]));
    this.sets = this.sets.map((set) => written.get(set.metadata?.name) ?? set);
    this.sets = this.sets.filter((set) => !plan.remove.includes(set));
    if (plan.revision !== undefined) this.annotate('deployment.kubernetes.io/revision', plan.revision);
    if (plan.status) this.object = { ...this.object, status: plan.status };
    return plan;
  }

  annotate(key: string, value: string): void {
    const annotations = { ...this.object.metadata?.annotations, [key]: value };
    this.object = { ...this.object, metadata: { ...this.object.metadata, annotations } };
  }

  /** Pods follow what their sets ask for. */
  run(): void {
    this.sets = this.sets.map((set) => {
      const replicas = set.spec?.replicas ?? 0;
      const works = imageOf(set) !== this.broken;
      const ready = works ? replicas : 0;
      return { ...set, status: { replicas, readyReplicas: ready, availableReplicas: ready } };
    });
  }

  /** Steps until nothing is to be done any more. */
  settle(each: () => void = () => undefined): void {
    for (let round = 0; round < 200; round++) {
      const { create, update, remove, status, revision } = this.step();
      this.run();
      each();
      if (!create && update.length + remove.length === 0 && !status && revision === undefined) return;
    }
    assert.fail('the deployment does not settle');
  }

  update(spec: Partial<DeploymentSpec>, image?: string): void {
    const { generation = 0 } = this.object.metadata ?? {};
    const fresh = deployment({ ...this.object.spec, ...spec });
    if (image !== undefined) fresh.spec.template = deployment({}, image).spec.template;
    this.object = {
      ...this.object,
      metadata: { ...this.object.metadata, generation: generation + 1 },
      spec: fresh.spec,
    };
  }

  replicas(): Record<string, number> {
    return Object.fromEntries(this.sets.map((set) => [imageOf(set), set.spec?.replicas ?? 0]));
  }

  condition(type: string): string {
    const found = this.object.status?.conditions?.find((condition) => condition.type === type);
    return `${found?.status} ${found?.reason}`;
  }
}

const imageOf = (set: ReplicaSet): string => set.spec?.template?.spec?.containers[0]?.image ?? '';

describe('rolling update', () => {
  test('makes one set for a new Deployment, of all replicas, with the labels that tell sets apart', () => {
    const world = new World(deployment());
    const { create, revision } = world.step();
    const hash = create?.metadata?.labels?.['pod-template-hash'];
    assert.match(hash ?? '', /^[bcdfghjklmnpqrstvwxz2456789]+$/);
    assert.equal(create?.metadata?.name, `web-${hash}`);
    assert.equal(create?.spec?.replicas, 4);
    assert.equal(create?.spec?.selector.matchLabels?.['pod-template-hash'], hash);
    assert.equal(create?.metadata?.ownerReferences?.[0]?.controller, true);
    assert.equal(revision, '1');
  });

  test('keeps enough pods available and not too many in all, in every step, whatever its limits', () => {
    const limit = fc.oneof(
      fc.integer({ min: 0, max: 5 }),
      fc.integer({ min: 0, max: 100 }).map((part) => `${part}%`),
    );
    const sizes = fc.record({
      replicas: fc.integer({ min: 1, max: 20 }),
      maxSurge: limit,
      maxUnavailable: limit,
    });
    fc.assert(
      fc.property(sizes, ({ replicas, maxSurge, maxUnavailable }) => {
        const strategy = { type: 'RollingUpdate', rollingUpdate: { maxSurge, maxUnavailable } };
        const world = new World(deployment({ replicas, strategy }));
        world.settle();
        world.update({}, 'b');
        const surge =
          typeof maxSurge === 'number' ? maxSurge : Math.ceil((parseInt(maxSurge) * replicas) / 100);
        const less =
          typeof maxUnavailable === 'number'
            ? maxUnavailable
            : Math.floor((parseInt(maxUnavailable) * replicas) / 100);
        const unavailable = Math.min(replicas, less === 0 && surge === 0 ? 1 : less);
        world.settle(() => {
          const total = Object.values(world.replicas()).reduce((sum, count) => sum + count, 0);
          assert.ok(total <= replicas + surge, `${total} pods, at most ${replicas} + ${surge} allowed`);
          assert.ok(
            total >= replicas - unavailable,
            `${total} pods, at least ${replicas} - ${unavailable} needed`,
          );
        });
        assert.deepEqual(world.replicas(), { a: 0, b: replicas });
        assert.equal(world.condition('Progressing'), 'True NewReplicaSetAvailable');
      }),
    );
  });

  test('stops before a broken image takes the place of too many pods that work', () => {
    const world = new World(deployment());
    world.settle();
    world.update({}, 'broken');
    world.settle();
    assert.deepEqual(world.replicas(), { a: 3, broken: 2 });
    assert.equal(world.condition('Available'), 'True MinimumReplicasAvailable');
  });

  test('takes up the old set again when the template goes back, under a new revision', () => {
    const world = new World(deployment());
    world.settle();
    world.update({}, 'b');
    world.settle();
    world.update({}, 'a');
    world.settle();
    assert.deepEqual(world.replicas(), { a: 4, b: 0 });
    const annotations = world.sets[0]?.metadata?.annotations ?? {};
    assert.equal(annotations['deployment.kubernetes.io/revision'], '3');
    assert.equal(annotations['deployment.kubernetes.io/revision-history'], '1');
    assert.equal(world.object.metadata?.annotations?.['deployment.kubernetes.io/revision'], '3');
  });

  test('ends broken pods of an old set although too few are available', () => {
    const world = new World(deployment({}, 'broken'));
    world.settle();
    world.update({}, 'b');
    world.step();
    world.step();
    assert.deepEqual(world.replicas(), { broken: 3, b: 1 });
    world.settle();
    assert.deepEqual(world.replicas(), { broken: 0, b: 4 });
  });
});

describe('recreate', () => {
  test('ends every old pod before it makes a new one', () => {
    const world = new World(deployment({ strategy: { type: 'Recreate' } }));
    world.settle();
    world.update({}, 'b');
    assert.equal(world.step().create, undefined);
    assert.deepEqual(world.replicas(), { a: 0 });
    assert.equal(world.step().create, undefined);
    world.run();
    assert.notEqual(world.step().create, undefined);
    world.settle();
    assert.deepEqual(world.replicas(), { a: 0, b: 4 });
  });
});

describe('scaling', () => {
  test('changes the one active set at once', () => {
    const world = new World(deployment());
    world.settle();
    world.update({ replicas: 7 });
    world.step();
    assert.deepEqual(world.replicas(), { a: 7 });
    world.update({ replicas: 0 });
    world.settle();
    assert.deepEqual(world.replicas(), { a: 0 });
  });

  test('shares new replicas in proportion in the middle of a rollout', () => {
    const strategy = { type: 'RollingUpdate', rollingUpdate: { maxSurge: 3, maxUnavailable: 2 } };
    const world = new World(deployment({ replicas: 10, strategy }));
    world.settle();
    world.update({}, 'broken');
    world.settle();
    assert.deepEqual(world.replicas(), { a: 8, broken: 5 });
    world.update({ replicas: 15 });
    world.step();
    assert.deepEqual(world.replicas(), { a: 11, broken: 7 });
  });
});

describe('pause', () => {
  test('holds a rollout back, not a change of replicas', () => {
    const world = new World(deployment());
    world.settle();
    world.update({ paused: true }, 'b');
    world.settle();
    assert.deepEqual(world.replicas(), { a: 4 });
    assert.equal(world.condition('Progressing'), 'Unknown DeploymentPaused');
    world.update({ paused: true, replicas: 6 });
    world.settle();
    assert.deepEqual(world.replicas(), { a: 6 });
    world.update({ paused: false });
    world.settle();
    assert.deepEqual(world.replicas(), { a: 0, b: 6 });
  });
});

describe('status', () => {
  test('says that the deadline has passed when nothing gets on, and when to look', () => {
    const world = new World(deployment({ progressDeadlineSeconds: 60 }, 'broken'));
    world.step();
    world.run();
    world.step();
    assert.equal(world.plan(NOW + 30_000).checkAgainMs, 30_000);
    world.step(NOW + 61_000);
    assert.equal(world.condition('Progressing'), 'False ProgressDeadlineExceeded');
    assert.equal(world.condition('Available'), 'False MinimumReplicasUnavailable');
  });

  test('passes on why a set cannot make pods', () => {
    const world = new World(deployment());
    world.step();
    const condition = { type: 'ReplicaFailure', status: 'True', reason: 'FailedCreate', message: 'quota' };
    world.sets = world.sets.map((set) => ({ ...set, status: { replicas: 0, conditions: [condition] } }));
    world.step();
    assert.equal(world.condition('ReplicaFailure'), 'True FailedCreate');
    world.run();
    world.settle();
    assert.equal(world.condition('ReplicaFailure'), 'undefined undefined');
  });

  test('is all that is written for a Deployment that is being deleted', () => {
    const world = new World(deployment());
    world.object = {
      ...world.object,
      metadata: { ...world.object.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' },
    };
    const plan = world.plan();
    assert.deepEqual([plan.create, plan.update, plan.remove], [undefined, [], []]);
    assert.notEqual(plan.status, undefined);
  });
});

test('old sets beyond the history limit are deleted, the oldest revisions first', () => {
  const world = new World(deployment({ revisionHistoryLimit: 2 }));
  for (const image of ['a', 'b', 'c', 'd', 'e']) {
    world.update({}, image);
    world.settle();
  }
  assert.deepEqual(world.replicas(), { c: 0, d: 0, e: 4 });
});
