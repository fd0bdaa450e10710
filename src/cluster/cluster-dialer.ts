import type { Socket } from 'node:net';
import { parseIp } from '#lib/ip.ts';
import { dialTcp } from '#os/socket.ts';
import { candidateNames } from './plan-names.ts';
import { resolveAddresses } from './stub-resolver.ts';

/** Opens connections to names and addresses of the cluster. */
export interface Dialer {
  /** Resolves when the connection is established; half-open is allowed. Rejects with a system error's code. */
  dial(host: string, port: number): Promise<Socket>;
}

/** Connects to names and addresses as a process on a node of the cluster would: Services and pods are both reached. */
export class ClusterDialer implements Dialer {
  readonly #dnsServers: readonly string[];
  #nodes: readonly { readonly name: string; readonly netns: number }[] = [];

  constructor(dnsServers: readonly string[]) {
    this.#dnsServers = dnsServers;
  }

  setNodeNamespaces(nodes: readonly { readonly name: string; readonly netns: number }[]): void {
    this.#nodes = nodes;
  }

  async dial(host: string, port: number): Promise<Socket> {
    const [node] = this.#nodes;
    if (node === undefined) throw new Error('no node is up');
    const { netns } = node;
    let failure: unknown = Object.assign(new Error(`${host} has no address`), { code: 'ENOTFOUND' });
    for (const address of await this.#resolve(host, netns)) {
      try {
        const socket = await dialTcp({ address, port, netns });
        socket.allowHalfOpen = true;
        return socket;
      } catch (error) {
        failure = error;
      }
    }
    throw failure;
  }

  async #resolve(host: string, netns: number): Promise<string[]> {
    const address = parseIp(host);
    if (address !== undefined) return [address];
    for (const name of candidateNames(host)) {
      const addresses = await resolveAddresses(name, { servers: this.#dnsServers, netns });
      if (addresses.length > 0) return addresses;
    }
    return [];
  }
}
