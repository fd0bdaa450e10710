import { bytesToIp, Cidr, ipFamily, ipToBytes } from '#lib/ip.ts';
import { decodeAttributes, type NetlinkWriter } from './netlink.ts';
import { familyToNumber, numberToFamily, numberToScope, scopeToNumber } from './rtnetlink-address.ts';
import type { LinkRef, Nexthop, Route, RouteRequest, RouteType } from './rtnetlink-types.ts';
import { LITTLE_ENDIAN } from './socket-address.ts';

export const MAIN_TABLE = 254;
const PROTOCOL_STATIC = 4;

const RTA_DST = 1;
const RTA_OIF = 4;
const RTA_GATEWAY = 5;
const RTA_PRIORITY = 6;
const RTA_PREFSRC = 7;
const RTA_METRICS = 8;
const RTA_MULTIPATH = 9;
const RTA_TABLE = 15;
const RTA_VIA = 18;
const RTAX_MTU = 2;
const RTNH_F_ONLINK = 4;

/** In the order of their numbers, which start at 1. */
const TYPES: readonly RouteType[] = [
  'unicast',
  'local',
  'broadcast',
  'anycast',
  'multicast',
  'blackhole',
  'unreachable',
  'prohibit',
  'throw',
];

export function encodeRoute(
  writer: NetlinkWriter,
  request: RouteRequest,
  indexOf: (link: LinkRef) => number,
): void {
  const destination = Cidr.of(request.destination);
  const { family } = destination;
  const table = request.table ?? MAIN_TABLE;
  const isDelete = request.do === 'deleteRoute';
  writer.u8(familyToNumber(family));
  writer.u8(destination.prefixLength);
  writer.zeros(2);
  writer.u8(table < 256 ? table : 0);
  writer.u8(request.protocol ?? (isDelete ? 0 : PROTOCOL_STATIC));
  writer.u8(routeScope(request));
  writer.u8(request.type === undefined && isDelete ? 0 : TYPES.indexOf(request.type ?? 'unicast') + 1);
  writer.u32(request.onlink === true ? RTNH_F_ONLINK : 0);
  if (destination.prefixLength > 0) writer.attribute(RTA_DST, ipToBytes(destination.network));
  if (table > 255) writer.attributeU32(RTA_TABLE, table);
  if (request.via !== undefined) encodeGateway(writer, request.via, family);
  if (request.link !== undefined) writer.attributeU32(RTA_OIF, indexOf(request.link));
  if (request.source !== undefined) writer.attribute(RTA_PREFSRC, ipToBytes(request.source));
  if (request.metric !== undefined) writer.attributeU32(RTA_PRIORITY, request.metric);
  const { mtu, nexthops } = request;
  if (mtu !== undefined) writer.nested(RTA_METRICS, () => writer.attributeU32(RTAX_MTU, mtu));
  if (nexthops !== undefined) encodeNexthops(writer, nexthops, family, request.onlink === true, indexOf);
}

/** `struct rtmsg` of a dump request. */
export function encodeRouteHeader(writer: NetlinkWriter, family?: 4 | 6): void {
  writer.u8(familyToNumber(family));
  writer.zeros(11);
}

export function decodeRoute(payload: Uint8Array): Route | undefined {
  const family = numberToFamily(payload[0]);
  if (payload.length < 12 || family === undefined) return undefined;
  const [, prefixLength = 0, , , table = 0, protocol = 0, scope = 0, type = 0] = payload;
  const attributes = decodeAttributes(payload, 12);
  const destination = attributes.bytes(RTA_DST) ?? new Uint8Array(family === 4 ? 4 : 16);
  const multipath = attributes.bytes(RTA_MULTIPATH);
  const routeType = TYPES[type - 1];
  if (routeType === undefined) return undefined;
  return {
    family,
    destination: `${bytesToIp(destination)}/${prefixLength}`,
    type: routeType,
    table: attributes.u32(RTA_TABLE) ?? table,
    scope: numberToScope(scope),
    via: decodeGateway(attributes.bytes(RTA_GATEWAY), attributes.bytes(RTA_VIA)),
    index: attributes.u32(RTA_OIF),
    source: decodeGateway(attributes.bytes(RTA_PREFSRC)),
    metric: attributes.u32(RTA_PRIORITY),
    protocol,
    nexthops: multipath === undefined ? undefined : decodeNexthops(multipath),
  };
}

/** As iproute2 chooses it: what is on the link is link scope, what has a gateway is global. */
function routeScope(request: RouteRequest): number {
  if (request.scope !== undefined) return scopeToNumber(request.scope);
  if (request.do === 'deleteRoute') return scopeToNumber('nowhere');
  if (request.type === 'local') return scopeToNumber('host');
  const direct = request.via === undefined && request.nexthops === undefined && request.link !== undefined;
  return scopeToNumber(direct ? 'link' : 'global');
}

function encodeGateway(writer: NetlinkWriter, via: string, family: 4 | 6): void {
  const bytes = ipToBytes(via);
  if (ipFamily(via) === family) {
    writer.attribute(RTA_GATEWAY, bytes);
    return;
  }
  const start = writer.beginAttribute(RTA_VIA);
  writer.u16(familyToNumber(ipFamily(via)));
  writer.raw(bytes);
  writer.end(start);
}

function decodeGateway(gateway: Uint8Array | undefined, via?: Uint8Array): string | undefined {
  const bytes = gateway ?? via?.subarray(2);
  return bytes?.length === 4 || bytes?.length === 16 ? bytesToIp(bytes) : undefined;
}

function encodeNexthops(
  writer: NetlinkWriter,
  nexthops: readonly Nexthop[],
  family: 4 | 6,
  onlink: boolean,
  indexOf: (link: LinkRef) => number,
): void {
  writer.nested(RTA_MULTIPATH, () => {
    for (const { via, link, weight = 1 } of nexthops) {
      // A `struct rtnexthop` starts like an attribute: length, then flags and (weight - 1) for the type.
      const start = writer.beginAttribute((onlink ? RTNH_F_ONLINK : 0) | ((weight - 1) << 8));
      writer.u32(link === undefined ? 0 : indexOf(link));
      if (via !== undefined) encodeGateway(writer, via, family);
      writer.end(start);
    }
  });
}

function decodeNexthops(
  bytes: Uint8Array,
): Array<{ via?: string | undefined; index: number; weight: number }> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const nexthops = [];
  for (let at = 0; at + 8 <= bytes.length; ) {
    const length = view.getUint16(at, LITTLE_ENDIAN);
    if (length < 8 || at + length > bytes.length) break;
    const attributes = decodeAttributes(bytes.subarray(at, at + length), 8);
    nexthops.push({
      via: decodeGateway(attributes.bytes(RTA_GATEWAY), attributes.bytes(RTA_VIA)),
      index: view.getInt32(at + 4, LITTLE_ENDIAN),
      weight: view.getUint8(at + 3) + 1,
    });
    at += (length + 3) & ~3;
  }
  return nexthops;
}
