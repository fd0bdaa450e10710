/** Watches over nodes: those not heard any more become Unknown, taints follow conditions, taints drive pods away. */
import type { Node, Pod } from '#api/core/v1.gen.ts';
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
import { indexPods, isTerminating, podCondition } from '#controllers/shared/pods.ts';
import { type EventRecorder, referenceTo } from '#kube/events.ts';
import { LEASES, NODES, PODS } from '#kube/resources.ts';
import type { Again, WorkQueue } from '#kube/work-queue.ts';
import { Heartbeats } from './heartbeats.ts';
import { evictionTimeMs, planTaints, readyCondition, silentConditions } from './plan-taints.ts';

export const NODE_LIFECYCLE_CONTROLLER: ControllerDefinition = {
  name: 'nodelifecycle',
  watches: [NODES, LEASES, PODS],
  start: (context) => new NodeLifecycle(context).start(),
};

const LEASE_NAMESPACE = 'kube-node-lease';

class NodeLifecycle {
  readonly #context: ControllerContext;
  readonly #heartbeats = new Heartbeats();
  readonly #recorder: EventRecorder;
  readonly #nodes: WorkQueue;
  readonly #evictions: WorkQueue;

  constructor(context: ControllerContext) {
    this.#context = context;
    this.#recorder = recorderOf(context, 'node-controller');
    this.#nodes = startQueue(context, 'nodelifecycle', { work: (name) => this.#syncNode(name) });
    this.#evictions = startQueue(context, 'nodelifecycle', { work: (key) => this.#syncPod(key) });
    indexPods(context.informers.get(PODS));
  }

  start(): void {
    const { informers } = this.#context;
    const pods = informers.get(PODS);
    informers.get(NODES).onChange({
      onAdd: (node) => this.#nodes.add(keyOf(node)),
      onUpdate: (node, old) => {
        this.#nodes.add(keyOf(node));
        if (equalJson(node.spec?.taints, old.spec?.taints)) return;
        for (const pod of pods.store.byIndex('node', keyOf(node))) this.#evictions.add(keyOf(pod));
      },
      onDelete: (node) => this.#heartbeats.forget(keyOf(node)),
    });
    pods.onChange({
      onAdd: (pod) => this.#offer(pod),
      onUpdate: (pod, old) => {
        if (pod.spec?.nodeName !== old.spec?.nodeName) this.#offer(pod);
      },
    });
  }

  /** Only pods on nodes with NoExecute taints are worth a look. */
  #offer(pod: Pod): void {
    const node = this.#nodeOf(pod);
    if (node?.spec?.taints?.some((taint) => taint.effect === 'NoExecute')) this.#evictions.add(keyOf(pod));
  }

  #nodeOf(pod: Pod): Node | undefined {
    const { nodeName } = pod.spec ?? {};
    return nodeName ? this.#context.informers.get(NODES).store.get(nodeName) : undefined;
  }

  async #syncNode(name: string): Promise<Again | void> {
    const { client, informers, signal, config } = this.#context;
    let node = informers.get(NODES).store.get(name);
    if (node === undefined || node.metadata?.deletionTimestamp !== undefined) return undefined;
    const lease = informers.get(LEASES).store.get(`${LEASE_NAMESPACE}/${name}`);
    const nowMs = Date.now();
    const silentMs = nowMs - this.#heartbeats.observe(node, lease, nowMs);
    if (silentMs > config.nodeMonitorGracePeriodMs) {
      const conditions = silentConditions(node, formatTime(nowMs));
      if (conditions !== undefined) {
        node = await client.updateStatus(
          NODES,
          { ...node, status: { ...node.status, conditions } },
          { signal },
        );
        const about = { kind: 'Node', apiVersion: 'v1', name, uid: node.metadata?.uid };
        this.#recorder.record(about, 'Normal', 'NodeNotReady', `Node ${name} status is now: NodeNotReady`);
      }
    }
    const taints = planTaints(node, formatTime(nowMs));
    if (taints !== undefined) {
      await unlessGone(client.update(NODES, { ...node, spec: { ...node.spec, taints } }, { signal }));
    }
    if (readyCondition(node)?.status !== 'True') await this.#markPodsNotReady(name);
    return { requeueAfterMs: config.nodeMonitorPeriodMs };
  }

  /** Pods on a node that is gone serve nobody, whatever their last status says. */
  async #markPodsNotReady(name: string): Promise<void> {
    const { client, informers, signal } = this.#context;
    const ready = informers
      .get(PODS)
      .store.byIndex('node', name)
      .filter((pod) => podCondition(pod, 'Ready')?.status === 'True');
    await Promise.all(
      ready.map(async (pod) => {
        const condition = { type: 'Ready', status: 'False', lastTransitionTime: formatTime(Date.now()) };
        const patch = { status: { conditions: [condition] }, metadata: { uid: pod.metadata?.uid } };
        const { namespace, name: podName = '' } = pod.metadata ?? {};
        const how = { type: 'strategic', subresource: 'status', signal } as const;
        await unlessGone(client.patch(PODS, { namespace, name: podName }, patch, how));
        this.#recorder.record(referenceTo(PODS, pod), 'Warning', 'NodeNotReady', 'Node is not ready');
      }),
    );
  }

  async #syncPod(key: string): Promise<Again | void> {
    const { client, informers, signal } = this.#context;
    const pod = informers.get(PODS).store.get(key);
    if (pod === undefined || isTerminating(pod)) return undefined;
    const taints = this.#nodeOf(pod)?.spec?.taints ?? [];
    const nowMs = Date.now();
    const atMs = evictionTimeMs(pod, taints, nowMs);
    if (atMs === undefined) return undefined;
    if (atMs > nowMs) return { requeueAfterMs: atMs - nowMs };
    const { namespace, name = '', uid } = pod.metadata ?? {};
    const message = `Marking for deletion Pod ${namespace}/${name}`;
    this.#recorder.record(referenceTo(PODS, pod), 'Normal', 'TaintManagerEviction', message);
    await unlessGone(client.delete(PODS, { namespace, name }, { preconditions: { uid }, signal }));
    return undefined;
  }
}
