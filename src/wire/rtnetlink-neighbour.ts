import { bytesToIp, ipFamily, ipToBytes } from '#lib/ip.ts';
import { decodeAttributes, type NetlinkWriter } from './netlink.ts';
import { familyToNumber, numberToFamily } from './rtnetlink-address.ts';
import { bytesToMac, macToBytes } from './rtnetlink-link.ts';
import type { Neighbour, NeighbourRequest, NeighbourState } from './rtnetlink-types.ts';
import { LITTLE_ENDIAN } from './socket-address.ts';

const NDA_DST = 1;
const NDA_LLADDR = 2;
const NTF_PROXY = 0x08;

const STATES: Record<NeighbourState, number> = {
  none: 0,
  incomplete: 0x01,
  reachable: 0x02,
  stale: 0x04,
  delay: 0x08,
  probe: 0x10,
  failed: 0x20,
  noarp: 0x40,
  permanent: 0x80,
};

export function encodeNeighbour(writer: NetlinkWriter, request: NeighbourRequest, index: number): void {
  const isProxy = request.proxy === true;
  const state = STATES[request.state ?? 'permanent'];
  encodeNeighbourHeader(writer, ipFamily(request.address), index, isProxy ? 0 : state, isProxy);
  writer.attribute(NDA_DST, ipToBytes(request.address));
  if (request.mac !== undefined) writer.attribute(NDA_LLADDR, macToBytes(request.mac));
}

/** `struct ndmsg`. */
export function encodeNeighbourHeader(
  writer: NetlinkWriter,
  family?: 4 | 6,
  index = 0,
  state = 0,
  proxy = false,
): void {
  writer.u8(familyToNumber(family));
  writer.zeros(3);
  writer.u32(index);
  writer.u16(state);
  writer.u8(proxy ? NTF_PROXY : 0);
  writer.u8(0);
}

export function decodeNeighbour(payload: Uint8Array): Neighbour | undefined {
  if (payload.length < 12 || numberToFamily(payload[0]) === undefined) return undefined;
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  const attributes = decodeAttributes(payload, 12);
  const address = attributes.bytes(NDA_DST);
  if (address?.length !== 4 && address?.length !== 16) return undefined;
  const mac = attributes.bytes(NDA_LLADDR);
  const state = view.getUint16(8, LITTLE_ENDIAN);
  const names = Object.keys(STATES) as NeighbourState[];
  return {
    index: view.getUint32(4, LITTLE_ENDIAN),
    address: bytesToIp(address),
    mac: mac?.length === 6 ? bytesToMac(mac) : undefined,
    state: names.find((name) => STATES[name] === state) ?? 'none',
    proxy: (view.getUint8(10) & NTF_PROXY) !== 0,
  };
}
