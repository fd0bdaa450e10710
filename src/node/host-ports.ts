/** The hostPorts of a node's pods, as the kernel serves them. Synchronous; nothing is made before the first one. */
import { Conntrack, type ConntrackClient } from '#kernel/conntrack.ts';
import { Nftables, type NftablesClient } from '#kernel/nftables.ts';
import { changePorts, createTable, removeTable } from './host-port-table.ts';
import { describeHostPort, type HostPort, isStaleHostPortFlow } from './plan-host-ports.ts';

const LOOPBACK_IPS = ['127.0.0.1', '::1'];

/** Where they are served. */
export interface HostPortKernel {
  openNftables(): NftablesClient;
  openConntrack(): ConntrackClient;
}

const THIS_NAMESPACE: HostPortKernel = {
  openNftables: () => Nftables.open(),
  openConntrack: () => Conntrack.open(),
};

export class HostPorts implements Disposable {
  readonly #nodeIps: readonly string[];
  readonly #kernel: HostPortKernel;
  readonly #taken = new Set<string>();
  readonly #open = new Map<string, readonly HostPort[]>();
  #nftables: NftablesClient | undefined;

  constructor(nodeIps: readonly string[], kernel: HostPortKernel = THIS_NAMESPACE) {
    this.#nodeIps = [...nodeIps, ...LOOPBACK_IPS];
    this.#kernel = kernel;
  }

  /** `owner` is the pod's uid. Throws when another one has a port already, or the kernel refuses; nothing is open then. */
  open(owner: string, ports: readonly HostPort[]): void {
    if (ports.length === 0) return;
    const taken = ports.find((port) => this.#taken.has(keyOf(port)));
    if (taken !== undefined)
      throw new Error(
        `host ${describeHostPort(taken)} belongs to another pod of this node until that one ends`,
      );
    this.#nftables ??= this.#createTable();
    this.#nftables.run(changePorts(ports, 'add'));
    for (const port of ports) this.#taken.add(keyOf(port));
    this.#open.set(owner, ports);
    this.#endFlows(ports, true);
  }

  /** Does nothing for a pod without open ports. */
  close(owner: string): void {
    const ports = this.#open.get(owner);
    if (ports === undefined) return;
    this.#open.delete(owner);
    for (const port of ports) this.#taken.delete(keyOf(port));
    this.#nftables?.run(changePorts(ports, 'delete'));
    this.#endFlows(ports, false);
  }

  [Symbol.dispose](): void {
    if (this.#nftables === undefined) return;
    using nftables = this.#nftables;
    this.#nftables = undefined;
    nftables.run(removeTable());
  }

  #createTable(): NftablesClient {
    const nftables = this.#kernel.openNftables();
    try {
      nftables.run(createTable());
      return nftables;
    } catch (error) {
      nftables[Symbol.dispose]();
      throw error;
    }
  }

  #endFlows(ports: readonly HostPort[], opened: boolean): void {
    if (!ports.some(({ protocol }) => protocol === 'udp')) return;
    using conntrack = this.#kernel.openConntrack();
    conntrack.deleteFlows((flow) => isStaleHostPortFlow(flow, ports, this.#nodeIps, opened));
  }
}

function keyOf({ family, hostIp, protocol, hostPort }: HostPort): string {
  return `${family} ${hostIp ?? 'any'} ${protocol} ${hostPort}`;
}
