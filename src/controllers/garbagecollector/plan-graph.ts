/** Who owns whom, over all kinds. Pure. */
import type { KubeObject } from '#api/machinery/object.ts';
import type { OwnerReference } from '#api/meta/v1.gen.ts';
import type { Resource } from '#kube/resources.ts';

/** What the collector keeps of an object. */
export interface GraphNode {
  kind: Resource;
  namespace: string | undefined;
  name: string;
  uid: string;
  resourceVersion: string | undefined;
  owners: readonly OwnerReference[];
  deleting: boolean;
  finalizers: readonly string[];
}

export const FOREGROUND = 'foregroundDeletion';
export const ORPHAN = 'orphan';

export function graphNodeOf(kind: Resource, { metadata }: KubeObject): GraphNode {
  return {
    kind,
    namespace: metadata?.namespace,
    name: metadata?.name ?? '',
    uid: metadata?.uid ?? '',
    resourceVersion: metadata?.resourceVersion,
    owners: metadata?.ownerReferences ?? [],
    deleting: metadata?.deletionTimestamp !== undefined,
    finalizers: metadata?.finalizers ?? [],
  };
}

export function isDeletingInForeground(node: GraphNode | undefined): boolean {
  return node !== undefined && node.deleting && node.finalizers.includes(FOREGROUND);
}

export class Graph {
  readonly #nodes = new Map<string, GraphNode>();
  readonly #dependents = new Map<string, Set<string>>();

  get(uid: string): GraphNode | undefined {
    return this.#nodes.get(uid);
  }

  set(node: GraphNode): void {
    const old = this.#nodes.get(node.uid);
    if (old !== undefined) this.#unlink(old);
    this.#nodes.set(node.uid, node);
    for (const { uid } of node.owners) {
      const dependents = this.#dependents.get(uid);
      if (dependents === undefined) this.#dependents.set(uid, new Set([node.uid]));
      else dependents.add(node.uid);
    }
  }

  delete(uid: string): void {
    const old = this.#nodes.get(uid);
    if (old === undefined) return;
    this.#unlink(old);
    this.#nodes.delete(uid);
  }

  dependentsOf(uid: string): GraphNode[] {
    const dependents = this.#dependents.get(uid) ?? [];
    return [...dependents]
      .map((dependent) => this.#nodes.get(dependent))
      .filter((node) => node !== undefined);
  }

  #unlink(node: GraphNode): void {
    for (const { uid } of node.owners) {
      const dependents = this.#dependents.get(uid);
      dependents?.delete(node.uid);
      if (dependents?.size === 0) this.#dependents.delete(uid);
    }
  }
}
