import { parseIp } from '#lib/ip.ts';
import type { PodEntry } from './cluster-view.ts';

/** The namespaces that each node has pods of, by the node's addresses. */
export class NodeNamespaces {
  /** How many pods, by namespace, by canonical address. */
  readonly #counts = new Map<string, Map<string, number>>();

  add({ namespace, nodeAddresses = [] }: PodEntry): void {
    for (const address of nodeAddresses.map(canonical)) {
      let counts = this.#counts.get(address);
      if (counts === undefined) this.#counts.set(address, (counts = new Map()));
      counts.set(namespace, (counts.get(namespace) ?? 0) + 1);
    }
  }

  remove({ namespace, nodeAddresses = [] }: PodEntry): void {
    for (const address of nodeAddresses.map(canonical)) {
      const counts = this.#counts.get(address);
      const left = (counts?.get(namespace) ?? 0) - 1;
      if (left > 0) counts?.set(namespace, left);
      else counts?.delete(namespace);
      if (counts?.size === 0) this.#counts.delete(address);
    }
  }

  /** `address`: canonical. None for what is no node's. */
  at(address: string): Iterable<string> {
    return this.#counts.get(address)?.keys() ?? [];
  }
}

function canonical(address: string): string {
  return parseIp(address) ?? address;
}
