/** Gives every pod without a node one, as spread out as its wishes allow. */
import type { Node, Pod, PodCondition } from '#api/core/v1.gen.ts';
import { equalJson } from '#api/machinery/equal.ts';
import { keyOf } from '#api/machinery/object.ts';
import { formatTime } from '#api/machinery/time.ts';
import {
  type ControllerContext,
  type ControllerDefinition,
  recorderOf,
  startQueue,
  unlessGone,
} from '#controllers/shared/context.ts';
import { isFinished, podCondition } from '#controllers/shared/pods.ts';
import { isConflict, isNotFound } from '#kube/errors.ts';
import { type EventRecorder, referenceTo } from '#kube/events.ts';
import type { Informer } from '#kube/informer.ts';
import { NAMESPACES, NODES, PODS } from '#kube/resources.ts';
import type { WorkQueue } from '#kube/work-queue.ts';
import { ClusterState } from './cluster-state.ts';
import { placePod } from './plan.ts';
import { hasPodAffinity } from './plan-affinity.ts';

export const SCHEDULER: ControllerDefinition = {
  name: 'scheduler',
  watches: [PODS, NODES, NAMESPACES],
  start: (context) => new Scheduler(context).start(),
};

const NAME = 'default-scheduler';

class Scheduler {
  readonly #context: ControllerContext;
  readonly #pods: Informer<Pod>;
  readonly #nodes: Informer<Node>;
  readonly #state: ClusterState;
  readonly #recorder: EventRecorder;
  readonly #queue: WorkQueue;
  /** Pods that no node could take; looked at again when something changes. */
  readonly #unschedulable = new Set<string>();

  constructor(context: ControllerContext) {
    this.#context = context;
    this.#pods = context.informers.get(PODS);
    this.#nodes = context.informers.get(NODES);
    const namespaces = context.informers.get(NAMESPACES);
    this.#state = new ClusterState((name) => namespaces.store.get(name)?.metadata?.labels);
    this.#recorder = recorderOf(context, NAME);
    // Deciding is synchronous, one pod after another; what runs at the same time is the binding.
    const backoff = { baseMs: 100, maxMs: 10_000 };
    this.#queue = startQueue(context, 'scheduler', {
      concurrency: 32,
      backoff,
      work: (key) => this.#schedule(key),
    });
  }

  start(): void {
    this.#nodes.onChange({
      onAdd: (node) => this.#nodeChanged(node),
      onUpdate: (node, old) => {
        this.#state.setNode(node);
        if (matters(node, old)) this.#retryAll();
      },
      onDelete: (node) => this.#state.removeNode(node.metadata?.name ?? ''),
    });
    this.#pods.onChange({
      onAdd: (pod) => this.#podChanged(pod),
      onUpdate: (pod, old) => this.#podChanged(pod, old),
      onDelete: (pod) => {
        this.#state.removePod(keyOf(pod));
        this.#unschedulable.delete(keyOf(pod));
        this.#retryAll();
      },
    });
  }

  #nodeChanged(node: Node): void {
    this.#state.setNode(node);
    this.#retryAll();
  }

  #podChanged(pod: Pod, old?: Pod): void {
    const key = keyOf(pod);
    if (pod.spec?.nodeName) {
      this.#unschedulable.delete(key);
      const known = this.#state.nodeOf(key) === pod.spec.nodeName && old !== undefined && !isFinished(pod);
      // Nothing that counts for scheduling changes once a pod has its node, but its labels and its end.
      if (known && equalJson(old.metadata?.labels, pod.metadata?.labels)) return;
      this.#state.placePod(pod, pod.spec.nodeName);
      if (isFinished(pod) && !(old && isFinished(old))) this.#retryAll();
      else this.#retry(looksAtOthers);
    } else if (isOurs(pod)) this.#queue.add(key);
  }

  #retryAll(): void {
    this.#retry(() => true);
  }

  /** Gives the pods that found no place another chance, where there is any. */
  #retry(hasChance: (pod: Pod) => boolean): void {
    for (const key of this.#unschedulable) {
      const pod = this.#pods.store.get(key);
      if (pod !== undefined && !hasChance(pod)) continue;
      this.#unschedulable.delete(key);
      this.#queue.add(key);
    }
  }

  async #schedule(key: string): Promise<void> {
    const pod = this.#pods.store.get(key);
    if (pod === undefined || pod.spec?.nodeName || !isOurs(pod)) return;
    // Bound already, only the watch has not told yet.
    if (this.#state.nodeOf(key) !== undefined) return;
    if ((pod.spec?.schedulingGates ?? []).length > 0) {
      const message = 'Scheduling is blocked due to non-empty scheduling gates';
      await this.#mark(pod, 'SchedulingGated', message);
      return;
    }
    const placement = placePod(pod, this.#state);
    if (placement.kind === 'node') {
      await this.#bind(pod, placement.node);
      return;
    }
    this.#unschedulable.add(key);
    this.#recorder.record(referenceTo(PODS, pod), 'Warning', 'FailedScheduling', placement.message);
    await this.#mark(pod, 'Unschedulable', placement.message);
  }

  async #bind(pod: Pod, node: string): Promise<void> {
    const { client, signal } = this.#context;
    const { namespace, name = '', uid } = pod.metadata ?? {};
    this.#state.placePod(pod, node);
    this.#retry(looksAtOthers);
    const binding = {
      apiVersion: 'v1',
      kind: 'Binding',
      metadata: { namespace, name, uid },
      target: { apiVersion: 'v1', kind: 'Node', name: node },
    };
    try {
      await client.createSubresource(PODS, { namespace, name }, 'binding', binding, { signal });
    } catch (error) {
      this.#state.removePod(keyOf(pod));
      // Deleted or bound by somebody else meanwhile: the watch will tell.
      if (isNotFound(error) || isConflict(error)) return;
      throw error;
    }
    const message = `Successfully assigned ${namespace}/${name} to ${node}`;
    this.#recorder.record(referenceTo(PODS, pod), 'Normal', 'Scheduled', message);
  }

  /** Says in the pod's status why it waits. */
  async #mark(pod: Pod, reason: string, message: string): Promise<void> {
    const known = podCondition(pod, 'PodScheduled');
    if (known?.reason === reason && known.message === message) return;
    const { client, signal } = this.#context;
    const { namespace, name = '' } = pod.metadata ?? {};
    const lastTransitionTime = known?.status === 'False' ? known.lastTransitionTime : formatTime(Date.now());
    const condition: PodCondition = {
      type: 'PodScheduled',
      status: 'False',
      reason,
      message,
      lastTransitionTime,
    };
    const patch = { status: { conditions: [condition] } };
    const how = { type: 'strategic', subresource: 'status', signal } as const;
    await unlessGone(client.patch(PODS, { namespace, name }, patch, how));
  }
}

function isOurs(pod: Pod): boolean {
  const { schedulerName } = pod.spec ?? {};
  if (schedulerName && schedulerName !== NAME) return false;
  return pod.metadata?.deletionTimestamp === undefined && !isFinished(pod);
}

/** Whether the place of other pods decides about this one's. */
function looksAtOthers(pod: Pod): boolean {
  return hasPodAffinity(pod) || (pod.spec?.topologySpreadConstraints ?? []).length > 0;
}

/** Heartbeats change nothing for scheduling. */
function matters(node: Node, old: Node): boolean {
  const facts = ({ metadata, spec, status }: Node): string =>
    JSON.stringify([metadata?.labels, spec?.taints, spec?.unschedulable, status?.allocatable]);
  return facts(node) !== facts(old);
}
