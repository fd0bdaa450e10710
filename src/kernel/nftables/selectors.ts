import type { DataType, Value } from './data-types.ts';
import type { NftMap } from './objects.ts';

/** Something a rule can load and compare, look up, or hand on: a header field, a mark, a random number … */
export type Selector =
  | PayloadSelector
  | MetaSelector
  | CtSelector
  | NumgenSelector
  | HashSelector
  | FibSelector
  | SocketSelector
  | ConstantSelector
  | MapSelector;

/** Bytes of the packet. In families that carry several protocols the match on the right one is added. */
export interface PayloadSelector {
  readonly kind: 'payload';
  /** As nft writes it: `ip daddr`. */
  readonly text: string;
  readonly base: 'link' | 'network' | 'transport';
  /** Bytes from the header's beginning. */
  readonly offset: number;
  readonly type: DataType;
  /** The rule must know the packet to be of this protocol. */
  readonly network?: 'ipv4' | 'ipv6' | undefined;
  readonly transport?: string | undefined;
}

export type MetaKey = keyof typeof META_TYPES;

export interface MetaSelector {
  readonly kind: 'meta';
  readonly key: MetaKey;
}

export type CtKey = keyof typeof CT_TYPES;

/** Of the connection. Addresses and ports are those of the original direction unless it says reply. */
export interface CtSelector {
  readonly kind: 'ct';
  readonly key: CtKey;
  readonly direction?: 'original' | 'reply' | undefined;
}

/** A number from `offset` to `offset + modulus - 1`, by chance or in turn. */
export interface NumgenSelector {
  readonly kind: 'numgen';
  readonly mode: 'random' | 'inc';
  readonly modulus: number;
  readonly offset?: number | undefined;
}

/** Jenkins hash of fields, as a number from `offset` to `offset + modulus - 1`. */
export interface HashSelector {
  readonly kind: 'jhash';
  readonly of: readonly Selector[];
  readonly modulus: number;
  readonly seed?: number | undefined;
  readonly offset?: number | undefined;
}

/** The routing table's opinion. */
export interface FibSelector {
  readonly kind: 'fib';
  readonly by: ReadonlyArray<'saddr' | 'daddr' | 'mark' | 'iif' | 'oif'>;
  readonly result: 'type' | 'oif' | 'oifname';
}

/** The local socket that this packet belongs to. */
export interface SocketSelector {
  readonly kind: 'socket';
  readonly key: 'transparent' | 'wildcard' | 'mark';
}

export interface ConstantSelector {
  readonly kind: 'constant';
  readonly type: DataType;
  readonly value: Value;
}

/** What a map has for a key. Without an entry the rule ends here. */
export interface MapSelector {
  readonly kind: 'map';
  readonly map: NftMap;
  readonly key: readonly Selector[];
}

const META_TYPES = {
  protocol: 'ether_type',
  mark: 'mark',
  iif: 'iface_index',
  oif: 'iface_index',
  iifname: 'ifname',
  oifname: 'ifname',
  skuid: 'uid',
  nfproto: 'nf_proto',
  l4proto: 'inet_proto',
  pkttype: 'pkt_type',
} as const satisfies Record<string, DataType>;

const CT_TYPES = {
  state: 'ct_state',
  direction: 'ct_dir',
  status: 'ct_status',
  mark: 'mark',
  protocol: 'inet_proto',
  'ip saddr': 'ipv4_addr',
  'ip daddr': 'ipv4_addr',
  'ip6 saddr': 'ipv6_addr',
  'ip6 daddr': 'ipv6_addr',
  'proto-src': 'inet_service',
  'proto-dst': 'inet_service',
} as const satisfies Record<string, DataType>;

function field(
  text: string,
  base: PayloadSelector['base'],
  offset: number,
  type: DataType,
  needs: Pick<PayloadSelector, 'network' | 'transport'> = {},
): PayloadSelector {
  return { kind: 'payload', text, base, offset, type, ...needs };
}

const ipv4 = { network: 'ipv4' } as const;
const ipv6 = { network: 'ipv6' } as const;

/** IPv4 header fields. */
export const ip = {
  protocol: field('ip protocol', 'network', 9, 'inet_proto', ipv4),
  saddr: field('ip saddr', 'network', 12, 'ipv4_addr', ipv4),
  daddr: field('ip daddr', 'network', 16, 'ipv4_addr', ipv4),
};

/** IPv6 header fields. */
export const ip6 = {
  nexthdr: field('ip6 nexthdr', 'network', 6, 'inet_proto', ipv6),
  saddr: field('ip6 saddr', 'network', 8, 'ipv6_addr', ipv6),
  daddr: field('ip6 daddr', 'network', 24, 'ipv6_addr', ipv6),
};

export const ether = {
  daddr: field('ether daddr', 'link', 0, 'ether_addr'),
  saddr: field('ether saddr', 'link', 6, 'ether_addr'),
  type: field('ether type', 'link', 12, 'ether_type'),
};

/** The ports of whatever transport protocol it is: match `meta('l4proto')` beside it. */
export const th = {
  sport: field('th sport', 'transport', 0, 'inet_service'),
  dport: field('th dport', 'transport', 2, 'inet_service'),
};

export const tcp = {
  sport: field('tcp sport', 'transport', 0, 'inet_service', { transport: 'tcp' }),
  dport: field('tcp dport', 'transport', 2, 'inet_service', { transport: 'tcp' }),
  flags: field('tcp flags', 'transport', 13, 'tcp_flag', { transport: 'tcp' }),
};

export const udp = {
  sport: field('udp sport', 'transport', 0, 'inet_service', { transport: 'udp' }),
  dport: field('udp dport', 'transport', 2, 'inet_service', { transport: 'udp' }),
};

export const sctp = {
  sport: field('sctp sport', 'transport', 0, 'inet_service', { transport: 'sctp' }),
  dport: field('sctp dport', 'transport', 2, 'inet_service', { transport: 'sctp' }),
};

export const icmp = { type: field('icmp type', 'transport', 0, 'icmp_type', { ...ipv4, transport: 'icmp' }) };
export const icmpv6 = {
  type: field('icmpv6 type', 'transport', 0, 'icmpv6_type', { ...ipv6, transport: 'ipv6-icmp' }),
};

export function meta(key: MetaKey): MetaSelector {
  return { kind: 'meta', key };
}

export function ct(key: CtKey, direction?: 'original' | 'reply'): CtSelector {
  return { kind: 'ct', key, direction };
}

export function numgen(modulus: number, mode: 'random' | 'inc' = 'random', offset = 0): NumgenSelector {
  return { kind: 'numgen', mode, modulus, offset };
}

export function jhash(
  of: readonly Selector[],
  modulus: number,
  options: { seed?: number; offset?: number } = {},
): HashSelector {
  return { kind: 'jhash', of, modulus, ...options };
}

export function fib(by: FibSelector['by'], result: FibSelector['result']): FibSelector {
  return { kind: 'fib', by, result };
}

export function socket(key: SocketSelector['key']): SocketSelector {
  return { kind: 'socket', key };
}

export function constant(type: DataType, value: Value): ConstantSelector {
  return { kind: 'constant', type, value };
}

export function lookup(map: NftMap, key: readonly Selector[]): MapSelector {
  return { kind: 'map', map, key };
}

/** What a selector yields; a map with several values in its data yields them one after the other. */
export function selectorTypes(selector: Selector): readonly DataType[] {
  switch (selector.kind) {
    case 'payload':
    case 'constant':
      return [selector.type];
    case 'meta':
      return [META_TYPES[selector.key]];
    case 'ct':
      return [CT_TYPES[selector.key]];
    case 'fib':
      return [
        selector.result === 'type' ? 'fib_addrtype' : selector.result === 'oif' ? 'iface_index' : 'ifname',
      ];
    case 'socket':
      return [selector.key === 'mark' ? 'mark' : 'boolean'];
    case 'map':
      return selector.map.data === 'verdict' ? [] : selector.map.data;
    default:
      return ['mark'];
  }
}
