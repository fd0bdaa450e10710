/** The namespaces of a pod and its network. Made and ended synchronously by the node's thread. */
import { closeSync, writeFileSync } from 'node:fs';
import { Rtnetlink } from '#kernel/rtnetlink.ts';
import { writeSysctl } from '#kernel/sysctl.ts';
import {
  createNetworkNamespace,
  createSandboxNamespaces,
  type NamespaceSet,
  withNamespaces,
} from '#os/namespace.ts';
import type { HostPorts } from './host-ports.ts';
import type { HostPort } from './plan-host-ports.ts';
import {
  type PodNetwork,
  planNodeSide,
  planPodSide,
  planRemoval,
  podMac,
  vethName,
} from './plan-sandbox-network.ts';

export interface SandboxOptions {
  podUid: string;
  hostname: string;
  /** Empty with hostNetwork: the pod shares the node's network namespace. */
  podIps: readonly string[];
  nodeIps: readonly string[];
  /** Values of securityContext.sysctls, below /proc/sys. */
  sysctls: Readonly<Record<string, string>>;
  rtnetlink: Rtnetlink;
  /** Ports of the node that lead to the pod, and who serves them. */
  hostPorts: { ports: readonly HostPort[]; table: HostPorts };
}

/** Interface indexes of pods' links start here, clear of the node's own. */
let nextLinkIndex = 1000;

/** What every pod may do, as container engines set it up; net.ipv6 without waiting for duplicates. */
const SYSCTLS: Readonly<Record<string, string>> = {
  'net/ipv4/ip_unprivileged_port_start': '0',
  'net/ipv4/ping_group_range': '0 0',
};

export class Sandbox implements Disposable {
  /** Absent with hostNetwork. */
  readonly netns: number | undefined;
  #uts: number | undefined;
  #ipc: number | undefined;
  readonly #options: SandboxOptions;
  readonly #link: number | undefined;

  constructor(options: SandboxOptions) {
    this.#options = options;
    if (options.podIps.length === 0) return;
    this.netns = createNetworkNamespace();
    const network: PodNetwork = {
      linkName: vethName(options.podUid),
      linkIndex: nextLinkIndex++,
      mac: podMac(options.podIps),
      podIps: options.podIps,
      nodeIps: options.nodeIps,
    };
    this.#link = network.linkIndex;
    try {
      options.rtnetlink.run(planNodeSide(network, this.netns));
      withNamespaces({ net: this.netns }, () => {
        applySysctls({ ...SYSCTLS, ...options.sysctls });
        using inside = Rtnetlink.open();
        inside.run(planPodSide(network));
      });
      this.#openHostPorts(network.linkName);
      letLinkSettle(options.rtnetlink, network.linkIndex);
    } catch (error) {
      options.hostPorts.table.close(options.podUid);
      closeSync(this.netns);
      throw error;
    }
  }

  /** The namespaces that processes of the pod are in. UTS and IPC are made when the first process needs them. */
  namespaces(): NamespaceSet {
    if (this.#uts === undefined) this.#makeProcessNamespaces();
    return { net: this.netns, uts: this.#uts, ipc: this.#ipc };
  }

  /**
   * The routes go at once, the rest when the kernel gets to it: the veth pair ends with the namespace. Deleting the
   * pair here would hold up the thread for 30 ms each time.
   */
  [Symbol.dispose](): void {
    for (const fd of [this.#uts, this.#ipc]) if (fd !== undefined) closeSync(fd);
    this.#uts = undefined;
    this.#ipc = undefined;
    if (this.netns === undefined) return;
    const { rtnetlink, podIps, hostPorts, podUid } = this.#options;
    try {
      hostPorts.table.close(podUid);
      rtnetlink.run(planRemoval(podIps, this.#link ?? 0));
    } finally {
      closeSync(this.netns);
    }
  }

  #openHostPorts(linkName: string): void {
    const { ports, table } = this.#options.hostPorts;
    if (ports.length === 0) return;
    table.open(this.#options.podUid, ports);
    // What the node sends from 127.0.0.1 is answered over this link.
    writeSysctl(`net.ipv4.conf.${linkName}.route_localnet`, 1);
  }

  #makeProcessNamespaces(): void {
    // The network namespace made along is not needed.
    const { net, uts, ipc } = createSandboxNamespaces({ hostname: this.#options.hostname });
    closeSync(net);
    this.#uts = uts;
    this.#ipc = ipc;
  }
}

/**
 * The end of a pair that came up first drops what it is given until the kernel's link watcher has run: a first
 * SYN would be lost, and sent again a second later. Asking for the link makes the watcher run (Linux 6.7); an
 * older kernel gets to it within milliseconds.
 */
function letLinkSettle(rtnetlink: Rtnetlink, linkIndex: number): void {
  for (let waitedMs = 0; waitedMs < 50 && rtnetlink.link(linkIndex)?.running === false; waitedMs++) {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
  }
}

function applySysctls(values: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(values)) {
    try {
      writeFileSync(`/proc/sys/${name}`, value);
    } catch (cause) {
      throw new Error(`cannot set sysctl ${name.replaceAll('/', '.')} to ${JSON.stringify(value)}`, {
        cause,
      });
    }
  }
}
