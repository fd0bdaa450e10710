/** The pods bound to this node: one agent each, from the first event to the last. */
import type { Pod } from '#api/core/v1.gen.ts';
import { isNotFound } from '#kube/errors.ts';
import { type Informer, startInformer } from '#kube/informer.ts';
import { PODS } from '#kube/resources.ts';
import { type NodeContext, podKey } from './context.ts';
import { PodAgent } from './pod-agent.ts';
import { isNewer, StatusWriter } from './status-writer.ts';

export class Pods implements AsyncDisposable {
  readonly #context: NodeContext;
  readonly #agents = new Map<string, PodAgent>();
  readonly #lives = new Map<string, Promise<void>>();
  readonly #statuses: StatusWriter;
  readonly #informer: Informer<Pod>;

  constructor(context: NodeContext) {
    this.#context = context;
    const { client, nodeName, onError } = context.config;
    this.#statuses = new StatusWriter({ client, signal: context.signal, onError });
    this.#informer = startInformer(client, PODS, {
      fieldSelector: `spec.nodeName=${nodeName}`,
      signal: context.signal,
      onError,
    });
    this.#informer.onChange({
      onAdd: (pod) => this.#add(pod),
      onUpdate: (pod) => this.#update(pod),
      onDelete: (pod) => this.#remove(pod),
    });
  }

  get synced(): Promise<void> {
    return this.#informer.synced;
  }

  /** By `namespace/name`. */
  pod(key: string): PodAgent | undefined {
    const uid = this.#informer.store.get(key)?.metadata?.uid;
    return uid === undefined ? undefined : this.#agents.get(uid);
  }

  pods(): readonly Pod[] {
    return [...this.#agents.values()].map(({ pod }) => pod);
  }

  /** Ends all pods at once; their objects stay for the node's next life. The context's signal has fired before. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const agent of this.#agents.values()) agent.stop(0);
    await Promise.allSettled(this.#lives.values());
  }

  #add(pod: Pod): void {
    const uid = pod.metadata?.uid ?? '';
    if (this.#agents.has(uid)) return this.#update(pod);
    const agent: PodAgent = new PodAgent(pod, this.#context, () => this.#statuses.changed(agent));
    this.#agents.set(uid, agent);
    if (pod.metadata?.deletionTimestamp !== undefined) agent.update(pod);
    this.#lives.set(uid, this.#live(agent));
  }

  async #live(agent: PodAgent): Promise<void> {
    // Before the first list is there, KUBERNETES_SERVICE_HOST would be missing from containers for good.
    await this.#context.services.synced.catch(() => undefined);
    await agent.run();
    if (this.#context.signal.aborted) return;
    if (!agent.wasDone) await this.#statuses.flush(agent);
    if (agent.pod.metadata?.deletionTimestamp !== undefined) await this.#finishDeletion(agent);
  }

  #update(pod: Pod): void {
    const agent = this.#agents.get(pod.metadata?.uid ?? '');
    if (agent === undefined) return this.#add(pod);
    if (!isNewer(pod, agent.pod)) return;
    const wasDeleted = agent.pod.metadata?.deletionTimestamp !== undefined;
    agent.update(pod);
    const isDeleted = pod.metadata?.deletionTimestamp !== undefined;
    if (!agent.ended && !agent.wasDone) this.#statuses.changed(agent);
    else if (isDeleted && !wasDeleted) void this.#finishDeletion(agent);
  }

  /** The object is removed once nothing of the pod runs any more. */
  async #finishDeletion({ pod }: PodAgent): Promise<void> {
    const { namespace, name = '', uid } = pod.metadata ?? {};
    const { client, onError } = this.#context.config;
    const { signal } = this.#context;
    try {
      await client.delete(
        PODS,
        { namespace, name },
        { gracePeriodSeconds: 0, preconditions: { uid }, signal },
      );
    } catch (error) {
      if (!isNotFound(error) && !signal.aborted)
        onError?.(new Error(`cannot finish the deletion of pod ${podKey(pod)}`, { cause: error }));
    }
  }

  #remove(pod: Pod): void {
    const uid = pod.metadata?.uid ?? '';
    const agent = this.#agents.get(uid);
    if (agent === undefined) return;
    agent.orphaned();
    void this.#lives.get(uid)?.then(() => {
      this.#agents.delete(uid);
      this.#lives.delete(uid);
      agent.removeLogs();
    });
  }
}
