/** Keeps DaemonSets: a pod on every node that takes it. */
import type { DaemonSet } from '#api/apps/v1.gen.ts';
import type { Node, Pod } from '#api/core/v1.gen.ts';
import { equalJson } from '#api/machinery/equal.ts';
import { selects } from '#api/machinery/label-selector.ts';
import { keyOf } from '#api/machinery/object.ts';
import { applyClaim } from '#controllers/shared/claim.ts';
import {
  type ControllerContext,
  type ControllerDefinition,
  recorderOf,
  startQueue,
  unlessGone,
} from '#controllers/shared/context.ts';
import { Expectations } from '#controllers/shared/expectations.ts';
import { controllerOf, planClaim, refersTo } from '#controllers/shared/owners.ts';
import { indexPods, isTerminating } from '#controllers/shared/pods.ts';
import type { EventRecorder } from '#kube/events.ts';
import type { Informer } from '#kube/informer.ts';
import { DAEMON_SETS, NODES, PODS } from '#kube/resources.ts';
import type { Again, WorkQueue } from '#kube/work-queue.ts';
import { applyPods } from './apply.ts';
import { placesOf, planPods } from './plan-pods.ts';
import { planStatus } from './plan-status.ts';

export const DAEMON_SETS_CONTROLLER: ControllerDefinition = {
  name: 'daemonset',
  watches: [DAEMON_SETS, NODES, PODS],
  start: (context) => new DaemonSetController(context).start(),
};

class DaemonSetController {
  readonly #context: ControllerContext;
  readonly #sets: Informer<DaemonSet>;
  readonly #nodes: Informer<Node>;
  readonly #pods: Informer<Pod>;
  readonly #expectations = new Expectations();
  readonly #recorder: EventRecorder;
  readonly #queue: WorkQueue;

  constructor(context: ControllerContext) {
    this.#context = context;
    this.#sets = context.informers.get(DAEMON_SETS);
    this.#nodes = context.informers.get(NODES);
    this.#pods = context.informers.get(PODS);
    this.#recorder = recorderOf(context, 'daemonset-controller');
    this.#queue = startQueue(context, 'daemonset', { concurrency: 4, work: (key) => this.#sync(key) });
    indexPods(this.#pods);
    this.#sets.addIndex('namespace', ({ metadata }) => [metadata?.namespace ?? '']);
  }

  start(): void {
    const queue = (set: DaemonSet): void => this.#queue.add(keyOf(set));
    this.#sets.onChange({
      onAdd: queue,
      onUpdate: queue,
      onDelete: (set) => this.#expectations.forget(keyOf(set)),
    });
    this.#nodes.onChange({
      onAdd: () => this.#queueAll(),
      onUpdate: (node, old) => {
        if (matters(node, old)) this.#queueAll();
      },
      onDelete: () => this.#queueAll(),
    });
    this.#pods.onChange({
      onAdd: (pod) => this.#podAdded(pod),
      onUpdate: (pod, old) => this.#podUpdated(pod, old),
      onDelete: (pod) => this.#podGone(pod),
    });
  }

  #queueAll(): void {
    for (const set of this.#sets.store.list()) this.#queue.add(keyOf(set));
  }

  #podAdded(pod: Pod): void {
    const owner = ownerKey(pod);
    if (owner !== undefined) {
      this.#expectations.creationObserved(owner);
      this.#queue.add(owner);
    } else if (controllerOf(pod) === undefined) this.#offer(pod);
  }

  #podUpdated(pod: Pod, old: Pod): void {
    if (isTerminating(pod) && !isTerminating(old)) {
      this.#podGone(pod);
      return;
    }
    for (const owner of new Set([ownerKey(pod), ownerKey(old)])) if (owner) this.#queue.add(owner);
    if (controllerOf(pod) === undefined) this.#offer(pod);
  }

  #podGone(pod: Pod): void {
    const owner = ownerKey(pod);
    if (owner === undefined) return;
    this.#expectations.deletionObserved(owner, pod.metadata?.uid ?? '');
    this.#queue.add(owner);
  }

  #offer(pod: Pod): void {
    for (const set of this.#sets.store.byIndex('namespace', pod.metadata?.namespace ?? '')) {
      if (selects(set.spec.selector, pod.metadata?.labels)) this.#queue.add(keyOf(set));
    }
  }

  async #sync(key: string): Promise<Again | void> {
    const set = this.#sets.store.get(key);
    if (set === undefined) return undefined;
    const places = placesOf(set, this.#nodes.store.list(), await this.#claim(set));
    if (this.#expectations.satisfied(key) && set.metadata?.deletionTimestamp === undefined) {
      const parts = {
        context: this.#context,
        key,
        expectations: this.#expectations,
        recorder: this.#recorder,
      };
      await applyPods(planPods(set, places, Date.now()), set, parts);
    }
    const { status, nextChangeMs } = planStatus(set, places, Date.now());
    if (status !== undefined) {
      const { client, signal } = this.#context;
      await unlessGone(client.updateStatus(DAEMON_SETS, { ...set, status }, { signal }));
    }
    return nextChangeMs === undefined ? undefined : { requeueAfterMs: nextChangeMs };
  }

  #claim(set: DaemonSet): Promise<Pod[]> {
    const { client, signal } = this.#context;
    const { uid = '', namespace = '' } = set.metadata ?? {};
    const candidates = [
      ...this.#pods.store.byIndex('controller', uid),
      ...this.#pods.store.byIndex('free', namespace),
    ];
    const claim = planClaim(set, candidates, (pod) => selects(set.spec.selector, pod.metadata?.labels));
    return applyClaim(claim, { client, signal, kind: PODS, owner: set, ownerKind: DAEMON_SETS });
  }
}

function ownerKey(pod: Pod): string | undefined {
  const controller = controllerOf(pod);
  if (controller === undefined || !refersTo(controller, DAEMON_SETS)) return undefined;
  return `${pod.metadata?.namespace}/${controller.name}`;
}

/** Heartbeats change nothing. */
function matters(node: Node, old: Node): boolean {
  const facts = ({ metadata, spec }: Node): unknown => [metadata?.labels, spec?.taints, spec?.unschedulable];
  return !equalJson(facts(node), facts(old));
}
