import { bytesToIp, parseIpBytes } from '#lib/ip.ts';
import { bytesToMac, macToBytes } from '#wire/rtnetlink-link.ts';
import { LITTLE_ENDIAN } from '#wire/socket-address.ts';

/**
 * What a key or a value is, named as nft names it. `id` is nft's number (the kernel stores it for nft's
 * sake), `size` is in bytes, `order` is how multi-byte numbers lie in memory.
 */
interface DataTypeFacts {
  readonly id: number;
  readonly size: number;
  readonly order: 'host' | 'network';
}

export const DATA_TYPES = {
  nf_proto: { id: 2, size: 1, order: 'host' },
  ipv4_addr: { id: 7, size: 4, order: 'network' },
  ipv6_addr: { id: 8, size: 16, order: 'network' },
  ether_addr: { id: 9, size: 6, order: 'network' },
  ether_type: { id: 10, size: 2, order: 'network' },
  inet_proto: { id: 12, size: 1, order: 'network' },
  inet_service: { id: 13, size: 2, order: 'network' },
  icmp_type: { id: 14, size: 1, order: 'network' },
  tcp_flag: { id: 15, size: 1, order: 'network' },
  /** Also the type of an index (`numgen`, `jhash`) in the key of a map. */
  mark: { id: 19, size: 4, order: 'host' },
  iface_index: { id: 20, size: 4, order: 'host' },
  uid: { id: 24, size: 4, order: 'host' },
  ct_state: { id: 26, size: 4, order: 'host' },
  ct_dir: { id: 27, size: 1, order: 'host' },
  ct_status: { id: 28, size: 4, order: 'host' },
  icmpv6_type: { id: 29, size: 1, order: 'network' },
  pkt_type: { id: 31, size: 1, order: 'host' },
  fib_addrtype: { id: 38, size: 4, order: 'host' },
  boolean: { id: 39, size: 1, order: 'host' },
  ifname: { id: 41, size: 16, order: 'host' },
} as const satisfies Record<string, DataTypeFacts>;

export type DataType = keyof typeof DATA_TYPES;

/** Names that stand for numbers, as nft writes them. */
const SYMBOLS: Partial<Record<DataType, Readonly<Record<string, number>>>> = {
  nf_proto: { ipv4: 2, ipv6: 10 },
  ether_type: { ip: 0x0800, arp: 0x0806, ip6: 0x86dd },
  inet_proto: {
    icmp: 1,
    tcp: 6,
    udp: 17,
    dccp: 33,
    esp: 50,
    ah: 51,
    'ipv6-icmp': 58,
    sctp: 132,
    udplite: 136,
  },
  icmp_type: { 'echo-reply': 0, 'destination-unreachable': 3, 'echo-request': 8, 'time-exceeded': 11 },
  icmpv6_type: {
    'destination-unreachable': 1,
    'packet-too-big': 2,
    'time-exceeded': 3,
    'echo-request': 128,
    'echo-reply': 129,
    'nd-router-solicit': 133,
    'nd-router-advert': 134,
    'nd-neighbor-solicit': 135,
    'nd-neighbor-advert': 136,
  },
  tcp_flag: { fin: 1, syn: 2, rst: 4, psh: 8, ack: 16, urg: 32 },
  ct_state: { invalid: 1, established: 2, related: 4, new: 8, untracked: 64 },
  ct_dir: { original: 0, reply: 1 },
  ct_status: { expected: 1, 'seen-reply': 2, assured: 4, confirmed: 8, snat: 16, dnat: 32 },
  pkt_type: { host: 0, unicast: 0, broadcast: 1, multicast: 2, other: 3 },
  fib_addrtype: {
    unspec: 0,
    unicast: 1,
    local: 2,
    broadcast: 3,
    anycast: 4,
    multicast: 5,
    blackhole: 6,
    unreachable: 7,
    prohibit: 8,
  },
  boolean: { missing: 0, exists: 1 },
};

/** An address, a number, or a name (protocol, interface, state …). */
export type Value = string | number;

/** A value that does not belong to its data type. */
export class NftablesValueError extends TypeError {
  override readonly name = 'NftablesValueError';
}

/** A value's bytes as the kernel compares them; numbers are decimal or a `Value` name of the type. */
export function encodeValue(type: DataType, value: Value): Uint8Array {
  if (type === 'ipv4_addr' || type === 'ipv6_addr') {
    const bytes = typeof value === 'string' ? parseIpBytes(value) : undefined;
    if (bytes?.length !== DATA_TYPES[type].size) throw invalid(type, value);
    return bytes;
  }
  if (type === 'ether_addr') return macToBytes(String(value));
  if (type === 'ifname') return encodeName(String(value), 16);
  return encodeNumber(type, toNumber(type, value));
}

/** The bytes of a number in the type's size and order; throws when it does not fit. */
export function encodeNumber(type: DataType, number: number): Uint8Array {
  const { size, order } = DATA_TYPES[type];
  if (!Number.isInteger(number) || number < 0 || number >= 2 ** (size * 8)) throw invalid(type, number);
  const bytes = new Uint8Array(size);
  const little = order === 'host' && LITTLE_ENDIAN;
  for (let i = 0; i < size; i++) bytes[little ? i : size - 1 - i] = number >>> (i * 8);
  return bytes;
}

/** A number's name in the type, or the number in decimal digits. */
export function toNumber(type: DataType, value: Value): number {
  if (typeof value === 'number') return value;
  const known = SYMBOLS[type]?.[value];
  if (known !== undefined) return known;
  if (!/^(?:\d{1,10}|0x[0-9a-f]{1,8})$/.test(value)) throw invalid(type, value);
  return Number(value);
}

/** The text of a value's bytes, as nft prints it: the inverse of `encodeValue()`. */
export function decodeValue(type: DataType, bytes: Uint8Array): Value {
  if (type === 'ipv4_addr' || type === 'ipv6_addr') {
    return bytesToIp(bytes);
  }
  if (type === 'ether_addr') return bytesToMac(bytes);
  if (type === 'ifname') {
    const end = bytes.indexOf(0);
    return new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end));
  }
  const little = DATA_TYPES[type].order === 'host' && LITTLE_ENDIAN;
  const number = (little ? bytes.toReversed() : bytes).reduce((all, byte) => all * 256 + byte, 0);
  return symbolOf(type, number) ?? number;
}

export function symbolOf(type: DataType, number: number): string | undefined {
  const symbols = SYMBOLS[type];
  return symbols === undefined ? undefined : Object.keys(symbols).find((name) => symbols[name] === number);
}

function encodeName(name: string, size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  const { read, written } = new TextEncoder().encodeInto(name, bytes);
  if (read < name.length || written === 0 || written >= size) throw invalid('ifname', name);
  return bytes;
}

function invalid(type: DataType, value: Value): NftablesValueError {
  return new NftablesValueError(`${JSON.stringify(value)} is no ${type}`);
}
