/** Keeps StatefulSets: pods with names that last, made, ended and updated in order. */
import type { ControllerRevision, StatefulSet } from '#api/apps/v1.gen.ts';
import type { Pod } from '#api/core/v1.gen.ts';
import { selects } from '#api/machinery/label-selector.ts';
import { type KubeObject, keyOf } from '#api/machinery/object.ts';
import { applyClaim } from '#controllers/shared/claim.ts';
import {
  type ControllerContext,
  type ControllerDefinition,
  recorderOf,
  startQueue,
  unlessGone,
} from '#controllers/shared/context.ts';
import { controllerOf, planClaim, refersTo } from '#controllers/shared/owners.ts';
import { indexPods } from '#controllers/shared/pods.ts';
import { type EventRecorder, referenceTo } from '#kube/events.ts';
import type { Informer } from '#kube/informer.ts';
import { CONTROLLER_REVISIONS, PODS, STATEFUL_SETS } from '#kube/resources.ts';
import type { Again, WorkQueue } from '#kube/work-queue.ts';
import { applyRevisions, applySteps } from './apply.ts';
import { ordinalOf, revisionOf } from './plan-identity.ts';
import { planPods } from './plan-pods.ts';
import { planRevisions } from './plan-revisions.ts';
import { planStatus } from './plan-status.ts';

export const STATEFUL_SETS_CONTROLLER: ControllerDefinition = {
  name: 'statefulset',
  watches: [STATEFUL_SETS, CONTROLLER_REVISIONS, PODS],
  start: (context) => new StatefulSetController(context).start(),
};

class StatefulSetController {
  readonly #context: ControllerContext;
  readonly #sets: Informer<StatefulSet>;
  readonly #revisions: Informer<ControllerRevision>;
  readonly #pods: Informer<Pod>;
  readonly #recorder: EventRecorder;
  readonly #queue: WorkQueue;

  constructor(context: ControllerContext) {
    this.#context = context;
    this.#sets = context.informers.get(STATEFUL_SETS);
    this.#revisions = context.informers.get(CONTROLLER_REVISIONS);
    this.#pods = context.informers.get(PODS);
    this.#recorder = recorderOf(context, 'statefulset-controller');
    this.#queue = startQueue(context, 'statefulset', { concurrency: 8, work: (key) => this.#sync(key) });
    indexPods(this.#pods);
    this.#sets.addIndex('namespace', ({ metadata }) => [metadata?.namespace ?? '']);
    this.#revisions.addIndex('controller', (revision) => {
      const controller = controllerOf(revision);
      return controller === undefined ? [] : [controller.uid];
    });
  }

  start(): void {
    const queue = (set: StatefulSet): void => this.#queue.add(keyOf(set));
    this.#sets.onChange({ onAdd: queue, onUpdate: queue });
    const owned = (object: KubeObject): void => this.#ownedChanged(object);
    this.#pods.onChange({
      onAdd: (pod) => this.#podChanged(pod),
      onUpdate: (pod, old) => {
        if (controllerOf(old)?.uid !== controllerOf(pod)?.uid) owned(old);
        this.#podChanged(pod);
      },
      onDelete: owned,
    });
    this.#revisions.onChange({ onAdd: owned, onUpdate: owned, onDelete: owned });
  }

  #podChanged(pod: Pod): void {
    if (controllerOf(pod) !== undefined) {
      this.#ownedChanged(pod);
      return;
    }
    for (const set of this.#sets.store.byIndex('namespace', pod.metadata?.namespace ?? '')) {
      if (belongsTo(set, pod)) this.#queue.add(keyOf(set));
    }
  }

  #ownedChanged(object: KubeObject): void {
    const controller = controllerOf(object);
    if (controller === undefined || !refersTo(controller, STATEFUL_SETS)) return;
    this.#queue.add(`${object.metadata?.namespace}/${controller.name}`);
  }

  async #sync(key: string): Promise<Again | void> {
    const set = this.#sets.store.get(key);
    if (set === undefined) return undefined;
    if ((set.spec.volumeClaimTemplates ?? []).length > 0) {
      const message =
        'volumeClaimTemplates are not implemented: no pods are created; use emptyDir or hostPath volumes';
      this.#recorder.record(referenceTo(STATEFUL_SETS, set), 'Warning', 'FailedCreate', message);
      return undefined;
    }
    const pods = await this.#claim(set);
    const inUse = new Set(pods.map(revisionOf).filter((name) => name !== undefined));
    const known = this.#revisions.store.byIndex('controller', set.metadata?.uid ?? '');
    const revisions = planRevisions(set, known, inUse);
    if (!(await applyRevisions(revisions, set, this.#context))) return { requeueAfterMs: 10 };

    const { steps, checkAgainMs } = planPods(set, pods, revisions, Date.now());
    await applySteps(steps, set, revisions, this.#context, this.#recorder);

    const status = planStatus(set, pods, revisions, Date.now());
    if (status !== undefined) {
      const { client, signal } = this.#context;
      await unlessGone(client.updateStatus(STATEFUL_SETS, { ...set, status }, { signal }));
    }
    return checkAgainMs === undefined ? undefined : { requeueAfterMs: checkAgainMs };
  }

  #claim(set: StatefulSet): Promise<Pod[]> {
    const { client, signal } = this.#context;
    const { uid = '', namespace = '' } = set.metadata ?? {};
    const candidates = [
      ...this.#pods.store.byIndex('controller', uid),
      ...this.#pods.store.byIndex('free', namespace),
    ];
    const claim = planClaim(set, candidates, (pod) => belongsTo(set, pod));
    return applyClaim(claim, { client, signal, kind: PODS, owner: set, ownerKind: STATEFUL_SETS });
  }
}

/** By labels and by name: a StatefulSet has nothing to do with pods of other names. */
function belongsTo(set: StatefulSet, pod: Pod): boolean {
  return ordinalOf(set, pod) !== undefined && selects(set.spec.selector, pod.metadata?.labels);
}
