import { type NftablesClient, NftablesError } from '#kernel/nftables.ts';
import type { RtnetlinkClient } from '#kernel/rtnetlink-client.ts';
import { RtnetlinkError } from '#kernel/rtnetlink-error.ts';
import { Cidr, ipFamily } from '#lib/ip.ts';
import type { RtnetlinkRequest } from '#wire/rtnetlink-types.ts';
import {
  describeNotrackRules,
  notrackRules,
  ownsNotrackRules,
  removeNotrackRules,
  type UntrackedPorts,
} from './notrack-rules.ts';

/**
 * Addresses are put on a dummy device, or, where the kernel has none, on a bridge without ports, which is the same to
 * whoever sends to them.
 */
const LINK_KINDS = ['dummy', 'bridge'] as const;

/** The node's network cannot be changed; the message names the flag that it is about. */
export class NodeNetworkError extends Error {
  override readonly name = 'NodeNetworkError';
}

/** Puts a node's own addresses for DNS in place, and takes them away. Everything may be done again at any time. */
export class NodeNetwork {
  readonly #ports: UntrackedPorts;
  #owned: boolean;
  /** The rules as they were set, and the ruleset's generation when they were last seen to be so. */
  #rules = '';
  #generation = -1;

  /** `owned`: the rules go with the process, where the kernel can do that. */
  constructor(ports: UntrackedPorts, { owned = true }: { owned?: boolean } = {}) {
    this.#ports = ports;
    this.#owned = owned;
  }

  /**
   * Makes the interface with those addresses that no other interface has. Returns its kind; undefined when all of
   * them were there without it, and none is made.
   */
  addInterface(name: string, rtnetlink: RtnetlinkClient): string | undefined {
    return explained('interface', `--setupinterface: the interface ${name} cannot be made`, () => {
      const own = rtnetlink.link(name)?.index;
      const present = rtnetlink.addresses().map(({ index, address }) => ({ index, ...addressOf(address) }));
      const elsewhere = new Set(present.filter(({ index }) => index !== own).map(({ host }) => host));
      const wanted = this.#ports.addresses.filter((address) => !elsewhere.has(address));
      if (own === undefined && wanted.length === 0) return undefined;
      if (own === undefined) makeLink(name, rtnetlink);
      const there = present.filter(({ index, local }) => index === own && !local);
      // Of an earlier run with other addresses.
      const stale = there.filter(({ host }) => !wanted.includes(host));
      const missing = wanted.filter((address) => there.every(({ host }) => host !== address));
      const requests: RtnetlinkRequest[] = [
        ...stale.map(({ text }) => ({ do: 'deleteAddress' as const, link: name, address: text })),
        ...missing.map((host) => ({ do: 'addAddress' as const, link: name, address: hostPrefix(host) })),
      ];
      if (rtnetlink.link(name)?.up !== true) requests.unshift({ do: 'setLink', link: name, up: true });
      if (requests.length > 0) rtnetlink.run(requests);
      return rtnetlink.link(name)?.kind;
    });
  }

  removeInterface(name: string, rtnetlink: RtnetlinkClient): void {
    if (rtnetlink.link(name) !== undefined) rtnetlink.deleteLink(name);
  }

  /** `queries`: those to our addresses are ours. Without, only answers to earlier ones leave untracked. */
  setRules(nftables: NftablesClient, queries: boolean): void {
    explained('rules', '--setupiptables: the rules against connection tracking cannot be changed', () => {
      try {
        this.#runRules(nftables, queries);
      } catch (error) {
        if (!this.#owned || !(error instanceof NftablesError && error.code === 'EOPNOTSUPP')) throw error;
        this.#owned = false;
        this.#runRules(nftables, queries);
      }
      this.#rules = describeNotrackRules(nftables);
      this.#generation = nftables.generation();
    });
  }

  /** Sets those for queries again if they are no longer as they were. Changes nothing else: others look for changes. */
  keepRules(nftables: NftablesClient): void {
    const generation = nftables.generation();
    if (generation === this.#generation) return;
    if (describeNotrackRules(nftables) === this.#rules) this.#generation = generation;
    else this.setRules(nftables, true);
  }

  removeRules(nftables: NftablesClient): void {
    explained('rules', '--setupiptables: the rules against connection tracking cannot be changed', () => {
      const isOurs = this.#rules !== '';
      if (!isOurs && ownsNotrackRules(nftables))
        throw new Error('another node cache is at work on this node');
      nftables.run(removeNotrackRules({ owned: isOurs && this.#owned }));
    });
  }

  #runRules(nftables: NftablesClient, queries: boolean): void {
    nftables.run(notrackRules(this.#ports, { queries, owned: this.#owned }), { atomic: true });
  }
}

function makeLink(name: string, rtnetlink: RtnetlinkClient): void {
  for (const kind of LINK_KINDS) {
    try {
      return rtnetlink.createLink({ kind, name });
    } catch (error) {
      const isUnknown = error instanceof RtnetlinkError && error.code === 'EOPNOTSUPP';
      if (!isUnknown || kind === LINK_KINDS.at(-1)) throw error;
    }
  }
}

function explained<T>(what: 'interface' | 'rules', summary: string, run: () => T): T {
  try {
    return run();
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const without = what === 'interface' ? '--setupinterface=false' : '--setupiptables=false';
    const hint =
      code === 'EPERM'
        ? `the capability NET_ADMIN is missing (EPERM); ${without} goes without`
        : `${message}; ${without} goes without`;
    throw new NodeNetworkError(`${summary}: ${hint}`, { cause: error });
  }
}

function hostPrefix(address: string): string {
  return `${address}/${ipFamily(address) === 4 ? 32 : 128}`;
}

function addressOf(text: string): { text: string; host: string; local: boolean } {
  const [host = ''] = text.split('/');
  return { text, host, local: Cidr.of('fe80::/10').contains(host) };
}
