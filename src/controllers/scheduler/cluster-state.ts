/** What the scheduler knows of nodes and of the pods on them, kept up to date pod by pod. */
import type { Node, Pod } from '#api/core/v1.gen.ts';
import { keyOf } from '#api/machinery/object.ts';
import { isFinished } from '#controllers/shared/pods.ts';
import type { Cluster, NodeUse } from './plan.ts';
import { groupOf } from './plan.ts';
import { type PlacedPod, requiredAntiAffinity } from './plan-affinity.ts';
import { type HeldPorts, hold, hostPortsOf, release } from './plan-host-ports.ts';
import { add, requestsOf } from './plan-resources.ts';

interface MutableUse extends NodeUse {
  groups: Map<string, number>;
  hostPorts: HeldPorts;
}

export class ClusterState implements Cluster {
  readonly nodes = new Map<string, Node>();
  readonly uses = new Map<string, MutableUse>();
  readonly namespaceLabels: (namespace: string) => Record<string, string> | undefined;
  readonly #placed = new Map<string, PlacedPod>();
  #antiAffinity = 0;

  constructor(namespaceLabels: (namespace: string) => Record<string, string> | undefined) {
    this.namespaceLabels = namespaceLabels;
  }

  get placed(): Iterable<PlacedPod> {
    return this.#placed.values();
  }

  get anyAntiAffinity(): boolean {
    return this.#antiAffinity > 0;
  }

  setNode(node: Node): void {
    const name = node.metadata?.name ?? '';
    this.nodes.set(name, node);
    const use = this.uses.get(name);
    if (use !== undefined) {
      use.node = node;
      return;
    }
    this.uses.set(name, { node, podCount: 0, used: new Map(), groups: new Map(), hostPorts: new Map() });
    for (const placed of this.#placed.values()) if (placed.node === name) this.#count(placed, 1);
  }

  removeNode(name: string): void {
    this.nodes.delete(name);
    this.uses.delete(name);
  }

  /** The pod is on its node (or assumed to be soon); a finished one holds nothing. */
  placePod(pod: Pod, node: string): void {
    this.removePod(keyOf(pod));
    if (isFinished(pod)) return;
    const placed = { pod, node };
    this.#placed.set(keyOf(pod), placed);
    if (requiredAntiAffinity(pod).length > 0) this.#antiAffinity++;
    this.#count(placed, 1);
  }

  removePod(key: string): void {
    const placed = this.#placed.get(key);
    if (placed === undefined) return;
    this.#placed.delete(key);
    if (requiredAntiAffinity(placed.pod).length > 0) this.#antiAffinity--;
    this.#count(placed, -1);
  }

  nodeOf(key: string): string | undefined {
    return this.#placed.get(key)?.node;
  }

  #count({ pod, node }: PlacedPod, sign: 1 | -1): void {
    const use = this.uses.get(node);
    if (use === undefined) return;
    use.podCount += sign;
    add(use.used, requestsOf(pod), sign);
    if (sign === 1) hold(use.hostPorts, hostPortsOf(pod));
    else release(use.hostPorts, hostPortsOf(pod));
    const group = groupOf(pod);
    const count = (use.groups.get(group) ?? 0) + sign;
    if (count === 0) use.groups.delete(group);
    else use.groups.set(group, count);
  }
}
