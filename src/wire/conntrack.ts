/** Connection tracking entries over netlink (nfnetlink_conntrack): the parts that tell flows apart. */
import { bytesToIp, type Ip, type IpFamily, ipFamily, ipToBytes } from '#lib/ip.ts';
import { decodeAttributes, type NetlinkMessage, type NetlinkWriter } from './netlink.ts';
import { decodeFields, encodeFields, type Schema, type Values } from './netlink-schema.ts';

const NFNL_SUBSYS_CTNETLINK = 1;
export const CONNTRACK_NEW: number = NFNL_SUBSYS_CTNETLINK << 8;
export const CONNTRACK_GET: number = CONNTRACK_NEW | 1;
export const CONNTRACK_DELETE: number = CONNTRACK_NEW | 2;

export const IPPROTO_UDP = 17;
const AF_INET = 2;
const AF_INET6 = 10;
const NFGENMSG_BYTES = 4;

/** One direction of a flow. */
export interface FlowTuple {
  readonly source: Ip;
  readonly destination: Ip;
  readonly sourcePort: number;
  readonly destinationPort: number;
}

export interface Flow {
  /** The IP protocol number. */
  readonly protocol: number;
  /** As the first packet had it. */
  readonly original: FlowTuple;
  /** As answers have it: its source is who really serves. */
  readonly reply: FlowTuple;
  /** Conntrack zone, 0 where there are none. */
  readonly zone: number;
}

const TUPLE = {
  ip: [
    1,
    { source4: [1, 'bytes'], destination4: [2, 'bytes'], source6: [3, 'bytes'], destination6: [4, 'bytes'] },
  ],
  proto: [2, { number: [1, 'u8'], sourcePort: [2, 'be16'], destinationPort: [3, 'be16'] }],
} as const satisfies Schema;

const ENTRY = {
  original: [1, TUPLE],
  reply: [2, TUPLE],
  zone: [18, 'be16'],
} as const satisfies Schema;

/** The beginning of every message of this subsystem; both families when none is given. */
export function beginConntrack(
  writer: NetlinkWriter,
  type: number,
  flags: number,
  sequence: number,
  family?: IpFamily,
): number {
  const start = writer.beginMessage(type, flags, sequence);
  writer.u8(family === undefined ? 0 : family === 4 ? AF_INET : AF_INET6);
  writer.u8(0);
  writer.be16(0);
  return start;
}

/** Names a flow by its original direction, which is enough to find it. */
export function encodeFlowKey(
  writer: NetlinkWriter,
  { protocol, original, zone }: Pick<Flow, 'protocol' | 'original' | 'zone'>,
): void {
  const source = ipToBytes(original.source);
  const destination = ipToBytes(original.destination);
  const addresses =
    ipFamily(original.source) === 4
      ? { source4: source, destination4: destination }
      : { source6: source, destination6: destination };
  const { sourcePort, destinationPort } = original;
  encodeFields(writer, ENTRY, {
    original: { ip: addresses, proto: { number: protocol, sourcePort, destinationPort } },
    zone: zone === 0 ? undefined : zone,
  });
}

/** Undefined for entries of protocols without ports. */
export function decodeFlow({ payload }: NetlinkMessage): Flow | undefined {
  const { original, reply, zone = 0 } = decodeFields(ENTRY, decodeAttributes(payload, NFGENMSG_BYTES));
  const protocol = original?.proto?.number;
  const there = original && decodeTuple(original);
  const back = reply && decodeTuple(reply);
  if (protocol === undefined || there === undefined || back === undefined) return undefined;
  return { protocol, original: there, reply: back, zone };
}

function decodeTuple({ ip, proto }: Values<typeof TUPLE>): FlowTuple | undefined {
  const source = ip?.source4 ?? ip?.source6;
  const destination = ip?.destination4 ?? ip?.destination6;
  const { sourcePort, destinationPort } = proto ?? {};
  if (!isAddress(source) || !isAddress(destination)) return undefined;
  if (sourcePort === undefined || destinationPort === undefined) return undefined;
  return { source: bytesToIp(source), destination: bytesToIp(destination), sourcePort, destinationPort };
}

function isAddress(bytes: Uint8Array | undefined): bytes is Uint8Array {
  return bytes?.length === 4 || bytes?.length === 16;
}
