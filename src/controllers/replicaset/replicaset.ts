/** Keeps as many pods running as ReplicaSets and ReplicationControllers ask for. */
import type { Pod } from '#api/core/v1.gen.ts';
import { matchesLabels } from '#api/machinery/label-selector.ts';
import { type KubeObject, keyOf } from '#api/machinery/object.ts';
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
import { PODS } from '#kube/resources.ts';
import type { Again, WorkQueue } from '#kube/work-queue.ts';
import { applyPods } from './apply-pods.ts';
import { planPods } from './plan-pods.ts';
import { planStatus } from './plan-status.ts';
import { REPLICA_SET_KIND, REPLICATION_CONTROLLER_KIND, type ReplicaKind } from './replica-kind.ts';

export const REPLICA_SETS_CONTROLLER: ControllerDefinition = definition(REPLICA_SET_KIND);
export const REPLICATION_CONTROLLERS_CONTROLLER: ControllerDefinition =
  definition(REPLICATION_CONTROLLER_KIND);

function definition<T extends KubeObject>(kind: ReplicaKind<T>): ControllerDefinition {
  return {
    name: kind.name,
    watches: [kind.resource, PODS],
    start: (context) => new ReplicaController(kind, context).start(),
  };
}

class ReplicaController<T extends KubeObject> {
  readonly #kind: ReplicaKind<T>;
  readonly #context: ControllerContext;
  readonly #sets: Informer<T>;
  readonly #pods: Informer<Pod>;
  readonly #expectations = new Expectations();
  readonly #recorder: EventRecorder;
  readonly #queue: WorkQueue;

  constructor(kind: ReplicaKind<T>, context: ControllerContext) {
    this.#kind = kind;
    this.#context = context;
    this.#sets = context.informers.get(kind.resource);
    this.#pods = context.informers.get(PODS);
    this.#recorder = recorderOf(context, kind.component);
    this.#queue = startQueue(context, kind.name, { concurrency: 16, work: (key) => this.#sync(key) });
    indexPods(this.#pods);
    this.#sets.addIndex('namespace', (set) => [set.metadata?.namespace ?? '']);
    const uid = (object: KubeObject): string[] => {
      const controller = controllerOf(object);
      return controller === undefined ? [] : [controller.uid];
    };
    this.#sets.addIndex('controller', uid);
  }

  start(): void {
    this.#sets.onChange({
      onAdd: (set) => this.#queue.add(keyOf(set)),
      onUpdate: (set) => this.#queue.add(keyOf(set)),
      onDelete: (set) => {
        this.#expectations.forget(keyOf(set));
        this.#queue.add(keyOf(set));
      },
    });
    this.#pods.onChange({
      onAdd: (pod) => this.#podAdded(pod),
      onUpdate: (pod, old) => this.#podUpdated(pod, old),
      onDelete: (pod) => this.#podGone(pod),
    });
  }

  #podAdded(pod: Pod): void {
    if (isTerminating(pod)) {
      this.#podGone(pod);
      return;
    }
    const owner = this.#ownerKey(pod);
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
    const owner = this.#ownerKey(pod);
    const before = this.#ownerKey(old);
    if (before !== undefined && before !== owner) this.#queue.add(before);
    if (owner !== undefined) this.#queue.add(owner);
    else if (controllerOf(pod) === undefined) this.#offer(pod);
  }

  /** A pod being deleted counts as gone at once. */
  #podGone(pod: Pod): void {
    const owner = this.#ownerKey(pod);
    if (owner === undefined) return;
    this.#expectations.deletionObserved(owner, pod.metadata?.uid ?? '');
    this.#queue.add(owner);
  }

  #ownerKey(pod: Pod): string | undefined {
    const controller = controllerOf(pod);
    if (controller === undefined || !refersTo(controller, this.#kind.resource)) return undefined;
    return `${pod.metadata?.namespace}/${controller.name}`;
  }

  /** A free pod: every set that selects it may adopt it. */
  #offer(pod: Pod): void {
    for (const set of this.#sets.store.byIndex('namespace', pod.metadata?.namespace ?? '')) {
      const requirements = this.#kind.requirements(set);
      if (requirements !== undefined && matchesLabels(requirements, pod.metadata?.labels)) {
        this.#queue.add(keyOf(set));
      }
    }
  }

  async #sync(key: string): Promise<Again | void> {
    const set = this.#sets.store.get(key);
    if (set === undefined) return undefined;
    const { client, signal } = this.#context;
    const view = this.#kind.view(set);
    const ready = this.#expectations.satisfied(key);
    const pods = await this.#claim(set);
    const leaves = view.metadata.deletionTimestamp !== undefined;
    const plan =
      ready && !leaves
        ? planPods(view.replicas, pods, this.#related(set, pods), Date.now())
        : { create: 0, remove: [] };
    const failure = await applyPods(plan, {
      context: this.#context,
      owner: set,
      ownerKind: this.#kind.resource,
      template: this.#kind.template(set),
      key,
      expectations: this.#expectations,
      recorder: this.#recorder,
    });
    const { status, nextChangeMs } = planStatus(view, pods, failure, Date.now());
    if (status !== undefined) {
      await unlessGone(
        client.updateStatus(this.#kind.resource, this.#kind.withStatus(set, status), { signal }),
      );
    }
    if (failure !== undefined) throw new Error(`${failure.reason}: ${failure.message}`);
    return nextChangeMs === undefined ? undefined : { requeueAfterMs: nextChangeMs };
  }

  #claim(set: T): Promise<Pod[]> {
    const { client, signal } = this.#context;
    const { uid = '', namespace = '' } = set.metadata ?? {};
    const requirements = this.#kind.requirements(set);
    const candidates = [
      ...this.#pods.store.byIndex('controller', uid),
      ...this.#pods.store.byIndex('free', namespace),
    ];
    const claim = planClaim(
      set,
      candidates,
      (pod) => requirements !== undefined && matchesLabels(requirements, pod.metadata?.labels),
    );
    return applyClaim(claim, { client, signal, kind: PODS, owner: set, ownerKind: this.#kind.resource });
  }

  /** The pods of all sets that share this one's owner (the old and new sets of a Deployment). */
  #related(set: T, pods: Pod[]): Pod[] {
    const controller = controllerOf(set);
    if (controller === undefined) return pods;
    return this.#sets.store
      .byIndex('controller', controller.uid)
      .flatMap((sibling) => this.#pods.store.byIndex('controller', sibling.metadata?.uid ?? ''));
  }
}
