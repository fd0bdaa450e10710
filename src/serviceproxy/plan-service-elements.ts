import type { Value } from '#kernel/nftables/data-types.ts';
import type { NftMap, NftSet, Verdict } from '#kernel/nftables/objects.ts';
import { Cidr, ipFamily } from '#lib/ip.ts';
import {
  type Destination,
  type EndpointAddress,
  type Match,
  matchKey,
  type NodeSettings,
  type ServicePlan,
  type VirtualServer,
} from './forwarding-model.ts';
import { affinityChain, recordChain, splitRecordChain } from './nftables-affinity-chains.ts';
import {
  gotoVerdict,
  type PlannedChain,
  REJECT_CHAIN,
  rangesChain,
  splitChainName,
} from './nftables-chains.ts';
import { type FrontendMaps, LAYOUTS } from './nftables-layout.ts';
import { INTERNAL_INDEX, type PickShape, pickChain, pickChainName } from './nftables-pick-chain.ts';

/** An element of one of the table's sets or maps. */
export interface PlannedElement {
  readonly set: NftSet | NftMap;
  readonly key: readonly Value[];
  readonly data: readonly Value[] | Verdict | undefined;
}

/** All that one Service puts into the table. */
export interface ServiceElements {
  /** By set and key. */
  readonly elements: ReadonlyMap<string, PlannedElement>;
  /** Chains that the elements lead to, by name; shared with other Services. */
  readonly chains: ReadonlyMap<string, () => PlannedChain>;
  /** Chains of this Service alone, by name: they go with it. Those that lead to others come first. */
  readonly ownChains: ReadonlyMap<string, () => PlannedChain>;
  /** By number of a list with affinity: the endpoints that clients may go on with, as `ADDRESS PORT`. */
  readonly affinityMembers: ReadonlyMap<number, ReadonlySet<string>>;
  /** Which endpoint has which number, by list. */
  readonly arrangement: ReadonlyMap<string, readonly EndpointAddress[]>;
}

export interface ElementOptions {
  readonly settings: NodeSettings;
  /** A number for a list of endpoints, the same for the same text. */
  readonly affinityId: (list: string) => number;
  /** How the endpoints were numbered before: those that stay keep their numbers. */
  readonly previous: ServiceElements['arrangement'];
}

export function planServiceElements(plan: ServicePlan, options: ElementOptions): ServiceElements {
  const builder = new ElementBuilder(plan, options);
  for (const server of plan.virtualServers) builder.addServer(server);
  for (const address of plan.clusterIps) builder.add(LAYOUTS[ipFamily(address)].clusterIps, [address]);
  for (const address of plan.localEndpoints)
    builder.add(LAYOUTS[ipFamily(address)].hairpins, [address, address]);
  return builder;
}

class ElementBuilder implements ServiceElements {
  readonly elements = new Map<string, PlannedElement>();
  readonly chains = new Map<string, () => PlannedChain>();
  readonly ownChains = new Map<string, () => PlannedChain>();
  readonly affinityMembers = new Map<number, Set<string>>();
  readonly arrangement = new Map<string, readonly EndpointAddress[]>();
  readonly #plan: ServicePlan;
  readonly #options: ElementOptions;

  constructor(plan: ServicePlan, options: ElementOptions) {
    this.#plan = plan;
    this.#options = options;
  }

  add(set: NftSet | NftMap, key: readonly Value[], data?: PlannedElement['data']): void {
    this.elements.set(elementKey(set, key), { set, key, data });
  }

  addServer(server: VirtualServer): void {
    const { match } = server;
    const maps = mapsOf(match);
    const key = keyOf(match);
    const first = server.sourceRanges === undefined ? maps.services : maps.allowed;
    if (server.sourceRanges !== undefined) {
      this.add(
        maps.services,
        key,
        this.#goto(rangesChain(match.family, this.#ranges(match, server.sourceRanges))),
      );
    }
    if (server.internal === undefined) {
      this.add(first, key, this.#verdict(server, server.destination, false));
    } else {
      this.add(first, key, gotoVerdict(splitChainName(match.family, match.kind)));
      this.add(maps.external, key, this.#verdict(server, server.destination, false));
      this.add(maps.internal, key, this.#verdict(server, server.internal, true));
    }
    if (server.affinitySeconds !== undefined) {
      this.add(maps.affinityRecorders, key, this.#recorder(server, server.affinitySeconds));
    }
  }

  /** What happens to connections of one destination, and the endpoints for it. */
  #verdict(server: VirtualServer, destination: Destination, internal: boolean): Verdict {
    const { match, affinitySeconds } = server;
    if (destination.endpoints.length === 0) {
      return destination.otherwise === 'drop' ? 'drop' : gotoVerdict(REJECT_CHAIN);
    }
    const list = `${matchKey(match)}${internal ? ' internal' : ''}`;
    const endpoints = arrange(this.#options.previous.get(list) ?? [], destination.endpoints);
    this.arrangement.set(list, endpoints);
    const offset = internal ? INTERNAL_INDEX : 0;
    const maps = mapsOf(match);
    for (const [i, { address, port }] of endpoints.entries()) {
      this.add(maps.endpoints, [...keyOf(match), offset + i], [address, port]);
    }
    const shape: PickShape = {
      family: match.family,
      kind: match.kind,
      count: endpoints.length,
      internal,
      masquerade: this.#masquerade(destination, match),
    };
    const name = pickChainName(shape);
    if (!this.chains.has(name)) this.chains.set(name, () => pickChain(shape));
    if (affinitySeconds === undefined) return gotoVerdict(name);
    const affinity = affinityChain(this.#affinityId(server, destination), shape);
    this.ownChains.set(affinity.chain.name, () => affinity);
    return gotoVerdict(affinity.chain.name);
  }

  /** The chain that remembers clients of this way in, for each list that they may be served from. */
  #recorder(server: VirtualServer, seconds: number): Verdict {
    const { destination, internal, match } = server;
    const record = (list: Destination): PlannedChain =>
      recordChain(match.family, this.#affinityId(server, list), seconds);
    const external = record(destination);
    const split = internal && splitRecordChain(record(internal), external, match.family);
    const chains = split === undefined ? [external] : [split, record(internal as Destination), external];
    for (const planned of chains) this.ownChains.set(planned.chain.name, () => planned);
    return gotoVerdict(chains[0]?.chain.name ?? '');
  }

  /** Ways in of one Service port share what is remembered, as far as they have the same endpoints. */
  #affinityId({ portName, match }: VirtualServer, { list, endpoints }: Destination): number {
    const { namespace, name } = this.#plan;
    const id = this.#options.affinityId(`${namespace}/${name}:${portName}/${match.protocol}/${list}`);
    const members = this.affinityMembers.get(id) ?? new Set();
    for (const { address, port } of endpoints) members.add(`${address} ${port}`);
    this.affinityMembers.set(id, members);
    return id;
  }

  /** A node that may connect may also do so from the address itself, which is what it picks when it has it. */
  #ranges(match: Match, ranges: readonly string[]): readonly string[] {
    const { nodePortAddresses } = this.#options.settings;
    const parsed = ranges.map((range) => Cidr.of(range));
    const hasNode = nodePortAddresses.some((address) => parsed.some((range) => range.contains(address)));
    return hasNode && match.kind === 'address' ? [...ranges, Cidr.host(match.address).format()] : ranges;
  }

  /** Without cluster CIDRs of the family nobody can be told to be outside. */
  #masquerade({ masquerade }: Destination, { family }: Match): Destination['masquerade'] {
    const { masqueradeAll, clusterCidrs } = this.#options.settings;
    if (masquerade !== 'off-cluster') return masquerade;
    if (masqueradeAll) return 'always';
    return clusterCidrs.some((cidr) => cidr.includes(':') === (family === 6)) ? 'off-cluster' : 'never';
  }

  #goto(planned: PlannedChain): Verdict {
    this.chains.set(planned.chain.name, () => planned);
    return gotoVerdict(planned.chain.name);
  }
}

export function elementKey({ name }: NftSet | NftMap, key: readonly Value[]): string {
  return `${name} ${key.join(' ')}`;
}

function mapsOf({ family, kind }: Match): FrontendMaps {
  return kind === 'address' ? LAYOUTS[family].address : LAYOUTS[family].nodePort;
}

function keyOf(match: Match): Value[] {
  return match.kind === 'address'
    ? [match.address, match.protocol, match.port]
    : [match.protocol, match.port];
}

/** The wanted endpoints such that those with a place in `previous` keep it: one that is replaced changes one place. */
export function arrange(
  previous: readonly EndpointAddress[],
  wanted: readonly EndpointAddress[],
): readonly EndpointAddress[] {
  if (previous.length === 0) return wanted;
  const missing = new Map(wanted.map((endpoint) => [`${endpoint.address} ${endpoint.port}`, endpoint]));
  const places = Array.from({ length: wanted.length }, (_, i) => {
    const key = `${previous[i]?.address} ${previous[i]?.port}`;
    const kept = missing.get(key);
    missing.delete(key);
    return kept;
  });
  const rest = missing.values();
  return places.map((place) => place ?? (rest.next().value as EndpointAddress));
}
