/** Deletes what is owned by objects that are gone, and carries out foreground and orphaning deletion. */

import { type KubeObject, splitApiVersion } from '#api/machinery/object.ts';
import type { OwnerReference } from '#api/meta/v1.gen.ts';
import {
  type ControllerContext,
  type ControllerDefinition,
  startQueue,
} from '#controllers/shared/context.ts';
import { type DiscoveredResource, discover } from '#controllers/shared/discovery.ts';
import { isNotFound, pause } from '#kube/errors.ts';
import { startInformer } from '#kube/informer.ts';
import type { WorkQueue } from '#kube/work-queue.ts';
import { applyAction } from './apply.ts';
import { type OwnerState, planDeleting, planOwned, stateInGraph } from './plan-collect.ts';
import { Graph, graphNodeOf, isDeletingInForeground } from './plan-graph.ts';

export const GARBAGE_COLLECTOR: ControllerDefinition = {
  name: 'garbagecollector',
  watches: [],
  start: (context) => void new GarbageCollector(context).run(),
};

/** An owner that is not known yet may be on its way through another watch. */
const UNKNOWN_OWNER_MS = 500;
/** Kinds that nobody else watches follow later, one by one: the start of a cluster has better things to do. */
const LATER_MS = 1000;
const NEXT_KIND_MS = 30;
const ABSENT_OWNERS = 10_000;

class GarbageCollector {
  readonly #context: ControllerContext;
  readonly #graph = new Graph();
  readonly #queue: WorkQueue;
  /** uids of owners that are gone for certain. */
  readonly #absent = new Set<string>();
  #kinds: DiscoveredResource[] = [];

  constructor(context: ControllerContext) {
    this.#context = context;
    const backoff = { baseMs: 50, maxMs: 30_000 };
    this.#queue = startQueue(context, 'garbagecollector', {
      concurrency: 8,
      backoff,
      work: (uid) => this.#sync(uid),
    });
  }

  /** Finds out which kinds there are, and follows them. */
  async run(): Promise<void> {
    const { informers, signal, config } = this.#context;
    try {
      this.#kinds = await this.#discoverPatiently();
      const followed = this.#kinds.filter(
        ({ plural, verbs }) =>
          plural !== 'events' && ['list', 'watch', 'delete'].every((verb) => verbs.includes(verb)),
      );
      const shared = followed.filter((kind) => informers.has(kind));
      for (const kind of shared) this.#follow(kind);
      await pause(LATER_MS, signal);
      for (const kind of followed) {
        if (shared.includes(kind)) continue;
        this.#follow(kind);
        await pause(NEXT_KIND_MS, signal);
      }
    } catch (error) {
      if (!signal.aborted) config.onError?.(error as Error, 'garbagecollector');
    }
  }

  async #discoverPatiently(): Promise<DiscoveredResource[]> {
    const { signal, config } = this.#context;
    for (;;) {
      try {
        return await discover(this.#context);
      } catch (error) {
        signal.throwIfAborted();
        config.onError?.(error as Error, 'garbagecollector');
        await pause(1000, signal);
      }
    }
  }

  #follow(kind: DiscoveredResource): void {
    const { client, informers, signal, config } = this.#context;
    const informer = informers.has(kind)
      ? informers.get<KubeObject>(kind)
      : startInformer<KubeObject>(client, kind, {
          signal,
          // Only who owns whom matters.
          transform: ({ metadata }) => ({
            metadata: { ...metadata, managedFields: undefined, annotations: undefined },
          }),
          onError: (error) => config.onError?.(error, 'garbagecollector'),
        });
    informer.onChange({
      onAdd: (object) => this.#changed(kind, object),
      onUpdate: (object) => this.#changed(kind, object),
      onDelete: (object) => this.#gone(object.metadata?.uid ?? ''),
    });
  }

  #changed(kind: DiscoveredResource, object: KubeObject): void {
    const node = graphNodeOf(kind, object);
    this.#graph.set(node);
    if (node.deleting && node.finalizers.length > 0) this.#queue.add(node.uid);
    for (const { uid } of node.owners) {
      const owner = this.#graph.get(uid);
      if (this.#absent.has(uid)) this.#queue.add(node.uid);
      else if (owner === undefined) this.#queue.addAfter(node.uid, UNKNOWN_OWNER_MS);
      else if (isDeletingInForeground(owner)) this.#queue.add(node.uid);
    }
  }

  #gone(uid: string): void {
    const owners = this.#graph.get(uid)?.owners ?? [];
    this.#graph.delete(uid);
    this.#rememberAbsent(uid);
    for (const dependent of this.#graph.dependentsOf(uid)) this.#queue.add(dependent.uid);
    // Perhaps the last one that an owner waited for.
    for (const owner of owners)
      if (isDeletingInForeground(this.#graph.get(owner.uid))) this.#queue.add(owner.uid);
  }

  #rememberAbsent(uid: string): void {
    this.#absent.add(uid);
    const [oldest] = this.#absent;
    if (this.#absent.size > ABSENT_OWNERS && oldest !== undefined) this.#absent.delete(oldest);
  }

  async #sync(uid: string): Promise<void> {
    const node = this.#graph.get(uid);
    if (node === undefined) return;
    const dependents = this.#graph.dependentsOf(uid);
    let action = planDeleting(node, dependents);
    if (action.kind === 'keep') {
      const states = new Map<OwnerReference, OwnerState>();
      for (const owner of node.owners) states.set(owner, await this.#stateOf(owner, node.namespace));
      action = planOwned(node, states, dependents);
    }
    if (action.kind === 'keep') return;
    if (action.kind === 'delete-dependents') for (const dependent of action.uids) this.#queue.add(dependent);
    else await applyAction(action, node, this.#graph, this.#context);
  }

  /** Asks the server when the graph does not know: never believe in an absence that was not seen. */
  async #stateOf(owner: OwnerReference, namespace: string | undefined): Promise<OwnerState> {
    const known = stateInGraph(this.#graph.get(owner.uid), owner);
    if (known !== undefined) return known;
    if (this.#absent.has(owner.uid)) return 'absent';
    const { group } = splitApiVersion(owner.apiVersion);
    const kind = this.#kinds.find((other) => other.group === group && other.kind === owner.kind);
    if (kind === undefined) throw new Error(`owner ${owner.apiVersion} ${owner.kind} is of no known kind`);
    // What belongs to the whole cluster cannot say which namespace it means: such an owner is never found, and never missed.
    if (kind.namespaced && namespace === undefined) return 'there';
    const { client, signal } = this.#context;
    try {
      const key = { namespace: kind.namespaced ? namespace : undefined, name: owner.name };
      const found = await client.get(kind, key, { signal });
      if (found.metadata?.uid === owner.uid) return 'there';
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
    this.#rememberAbsent(owner.uid);
    return 'absent';
  }
}
