import type { DataType } from '#kernel/nftables/data-types.ts';
import {
  type Chain,
  type NftMap,
  type NftSet,
  PRIORITIES,
  type Table,
  table,
} from '#kernel/nftables/objects.ts';
import { ct, ip, ip6, meta, type PayloadSelector, type Selector, th } from '#kernel/nftables/selectors.ts';
import type { IpFamily } from '#lib/ip.ts';

/** Changes whenever rules or sets change their meaning: a table of another version is not adopted but replaced. */
export const LAYOUT_VERSION = 3;
const TABLE_NAME = 'portolan-serviceproxy';
/** The bit that kube-proxy uses too: packets that carry it are masqueraded when they leave. */
export const MASQUERADE_MARK = 0x4000;

export const TABLE: Table = table('inet', TABLE_NAME);

export function chain(name: string, base?: Chain['base']): Chain {
  return { kind: 'chain', table: TABLE, name, base };
}

/** The maps of one kind of way in: by address and port, or by node port. */
export interface FrontendMaps {
  /** How a packet's way in is found: the key of all these maps. */
  readonly key: readonly Selector[];
  /** The same of a packet that is translated already. */
  readonly originalKey: readonly Selector[];
  /** Way in -> which chain serves it. */
  readonly services: NftMap;
  /** Behind the chain `ranges-…`: for sources that may connect. */
  readonly allowed: NftMap;
  /** Behind the chain `split-…`: for pods and the node, and for all others. */
  readonly internal: NftMap;
  readonly external: NftMap;
  /** Way in and number of the endpoint -> its address and port. */
  readonly endpoints: NftMap;
  /** Way in -> chain that remembers which endpoint the client got. */
  readonly affinityRecorders: NftMap;
}

/** The sets and maps of one address family. */
export interface FamilyLayout {
  readonly family: IpFamily;
  readonly saddr: PayloadSelector;
  readonly daddr: PayloadSelector;
  readonly address: FrontendMaps;
  readonly nodePort: FrontendMaps;
  /** Client and number of a Service port's endpoint list -> the endpoint it got. Written by rules. */
  readonly affinityClients: NftMap;
  /** Endpoint, client and its port -> the address and the port that it asked. Of flows that were forgotten lately. */
  readonly lateReplyAddresses: NftMap;
  readonly lateReplyPorts: NftMap;
  readonly clusterIps: NftSet;
  /** Pairs of equal addresses: endpoints of this node that reach themselves. */
  readonly hairpins: NftSet;
  readonly clusterCidrs: NftSet;
  readonly serviceCidrs: NftSet;
  readonly nodeAddresses: NftSet;
}

const AFFINITY_SIZE = 1 << 20;

function familyLayout(family: IpFamily): FamilyLayout {
  const addressType: DataType = family === 4 ? 'ipv4_addr' : 'ipv6_addr';
  const { saddr, daddr } = family === 4 ? ip : ip6;
  const set = (name: string, key: DataType[], more: Partial<NftSet> = {}): NftSet => {
    return { kind: 'set', table: TABLE, name: `${name}-${family}`, key, ...more };
  };
  const map = (name: string, key: DataType[], data: NftMap['data'], more: Partial<NftMap> = {}): NftMap => {
    return { kind: 'map', table: TABLE, name: `${name}-${family}`, key, data, ...more };
  };
  const endpoint: DataType[] = [addressType, 'inet_service'];
  const frontend = (
    name: string,
    key: DataType[],
    selectors: [now: Selector[], original: Selector[]],
  ): FrontendMaps => ({
    key: selectors[0],
    originalKey: selectors[1],
    services: map(`${name}s`, key, 'verdict'),
    allowed: map(`${name}-allowed`, key, 'verdict'),
    internal: map(`${name}-internal`, key, 'verdict'),
    external: map(`${name}-external`, key, 'verdict'),
    endpoints: map(`${name}-endpoints`, [...key, 'mark'], endpoint),
    affinityRecorders: map(`${name}-recorders`, key, 'verdict'),
  });
  const protocol = meta('l4proto');
  const port = [protocol, th.dport];
  const originalPort = [protocol, ct('proto-dst', 'original')];
  const originalAddress = ct(family === 4 ? 'ip daddr' : 'ip6 daddr', 'original');
  const lateReply: DataType[] = [addressType, addressType, 'inet_service'];
  const cidrs = { interval: true };
  return {
    family,
    saddr,
    daddr,
    address: frontend(
      'service',
      [addressType, 'inet_proto', 'inet_service'],
      [
        [daddr, ...port],
        [originalAddress, ...originalPort],
      ],
    ),
    nodePort: frontend('node-port', ['inet_proto', 'inet_service'], [port, originalPort]),
    affinityClients: map('affinity-clients', [addressType, 'mark'], endpoint, {
      dynamic: true,
      timeouts: true,
      size: AFFINITY_SIZE,
    }),
    lateReplyAddresses: map('late-reply-addresses', lateReply, [addressType], { timeouts: true }),
    lateReplyPorts: map('late-reply-ports', lateReply, ['inet_service'], { timeouts: true }),
    clusterIps: set('cluster-ips', [addressType]),
    hairpins: set('hairpins', [addressType, addressType]),
    clusterCidrs: set('cluster-cidrs', [addressType], cidrs),
    serviceCidrs: set('service-cidrs', [addressType], cidrs),
    nodeAddresses: set('node-addresses', [addressType]),
  };
}

export const LAYOUTS: Readonly<Record<IpFamily, FamilyLayout>> = { 4: familyLayout(4), 6: familyLayout(6) };

/** Every set and map that services put elements into. */
export function elementSets({ address, nodePort, ...layout }: FamilyLayout): (NftSet | NftMap)[] {
  const ofFrontend = ({ key: _key, originalKey: _original, ...maps }: FrontendMaps): NftMap[] =>
    Object.values(maps);
  return [...ofFrontend(address), ...ofFrontend(nodePort), layout.clusterIps, layout.hairpins];
}

/** Maps whose elements come and go with clients, whatever the Services are. */
export function passingSets(layout: FamilyLayout): NftMap[] {
  return [layout.affinityClients, layout.lateReplyAddresses, layout.lateReplyPorts];
}

/** Sets of the node's own settings. */
export function settingSets(layout: FamilyLayout): NftSet[] {
  return [layout.clusterCidrs, layout.serviceCidrs, layout.nodeAddresses];
}

/** Where the kernel calls us: before routing for what arrives, at output for what the node itself sends. */
export const BASE_CHAINS: readonly Chain[] = [
  chain('prerouting', { type: 'nat', hook: 'prerouting', priority: PRIORITIES.dstnat }),
  chain('output', { type: 'nat', hook: 'output', priority: PRIORITIES.dstnat }),
  // Connections to endpoints on the node itself end here, others in postrouting.
  chain('input', { type: 'nat', hook: 'input', priority: PRIORITIES.srcnat }),
  chain('postrouting', { type: 'nat', hook: 'postrouting', priority: PRIORITIES.srcnat }),
  // Before connection tracking: these flows are none to it any more.
  chain('late-prerouting', { type: 'filter', hook: 'prerouting', priority: PRIORITIES.raw }),
  chain('late-output', { type: 'filter', hook: 'output', priority: PRIORITIES.raw }),
];
