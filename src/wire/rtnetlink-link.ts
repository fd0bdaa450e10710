import { Attributes, decodeAttributes, type NetlinkWriter } from './netlink.ts';
import type { CreateLink, CreateVeth, Link, SetLink, VethEnd } from './rtnetlink-types.ts';
import { LITTLE_ENDIAN } from './socket-address.ts';

const IFF_UP = 0x1;
const IFF_LOOPBACK = 0x8;
const IFF_RUNNING = 0x40;

const IFLA_ADDRESS = 1;
const IFLA_IFNAME = 3;
const IFLA_MTU = 4;
const IFLA_LINK = 5;
const IFLA_MASTER = 10;
const IFLA_LINKINFO = 18;
const IFLA_NET_NS_FD = 28;
const IFLA_NUM_TX_QUEUES = 31;
const IFLA_NUM_RX_QUEUES = 32;
const IFLA_INFO_KIND = 1;
const IFLA_INFO_DATA = 2;
const VETH_INFO_PEER = 1;

/** Interface names have at most 15 bytes (IFNAMSIZ with its closing zero is 16). */
const MAX_NAME_BYTES = 15;

export function encodeCreateVeth(writer: NetlinkWriter, request: CreateVeth): void {
  const queues = request.queues ?? 1;
  encodeNewEnd(writer, request, queues);
  writer.nested(IFLA_LINKINFO, () => {
    writer.attributeString(IFLA_INFO_KIND, 'veth');
    writer.nested(IFLA_INFO_DATA, () => {
      const peer = writer.beginNested(VETH_INFO_PEER);
      encodeNewEnd(writer, request.peer, queues);
      if (request.peer.netns !== undefined) writer.attributeU32(IFLA_NET_NS_FD, request.peer.netns);
      writer.end(peer);
    });
  });
}

export function encodeCreateLink(writer: NetlinkWriter, request: CreateLink): void {
  encodeNewEnd(writer, request);
  writer.nested(IFLA_LINKINFO, () => writer.attributeString(IFLA_INFO_KIND, request.kind));
}

/** `master` is the index that `request.master` stands for, 0 to leave it. */
export function encodeSetLink(writer: NetlinkWriter, request: SetLink, index: number, master?: number): void {
  encodeLinkHeader(writer, index, request.up);
  if (request.name !== undefined) encodeName(writer, request.name);
  if (request.mtu !== undefined) writer.attributeU32(IFLA_MTU, request.mtu);
  if (request.mac !== undefined) writer.attribute(IFLA_ADDRESS, macToBytes(request.mac));
  if (master !== undefined) writer.attributeU32(IFLA_MASTER, master);
  if (request.netns !== undefined) writer.attributeU32(IFLA_NET_NS_FD, request.netns);
}

/** `struct ifinfomsg`; index 0 is none. */
export function encodeLinkHeader(writer: NetlinkWriter, index = 0, up?: boolean): void {
  writer.zeros(4);
  writer.u32(index);
  writer.u32(up === true ? IFF_UP : 0);
  writer.u32(up === undefined ? 0 : IFF_UP);
}

/** Asks for the link with this name instead of an index. */
export function encodeName(writer: NetlinkWriter, name: string): void {
  const length = Buffer.byteLength(name);
  if (length === 0 || length > MAX_NAME_BYTES || /[\s/:]/.test(name) || name === '.' || name === '..') {
    throw new RangeError(
      `${JSON.stringify(name)} is not an interface name (1 to ${MAX_NAME_BYTES} bytes, no / : or space)`,
    );
  }
  writer.attributeString(IFLA_IFNAME, name);
}

export function decodeLink(payload: Uint8Array): Link | undefined {
  if (payload.length < 16) return undefined;
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  const flags = view.getUint32(8, LITTLE_ENDIAN);
  const attributes = decodeAttributes(payload, 16);
  const kind = (attributes.nested(IFLA_LINKINFO) ?? new Attributes(new Map())).string(IFLA_INFO_KIND);
  const mac = attributes.bytes(IFLA_ADDRESS);
  return {
    index: view.getInt32(4, LITTLE_ENDIAN),
    name: attributes.string(IFLA_IFNAME) ?? '',
    kind,
    up: (flags & IFF_UP) !== 0,
    running: (flags & IFF_RUNNING) !== 0,
    loopback: (flags & IFF_LOOPBACK) !== 0,
    mtu: attributes.u32(IFLA_MTU) ?? 0,
    mac: mac?.length === 6 ? bytesToMac(mac) : undefined,
    master: attributes.u32(IFLA_MASTER),
    peer: kind === 'veth' ? attributes.u32(IFLA_LINK) : undefined,
  };
}

/** Throws a `TypeError` unless it is six hexadecimal pairs with colons. */
export function macToBytes(mac: string): Uint8Array {
  if (!/^[0-9a-fA-F]{2}(?::[0-9a-fA-F]{2}){5}$/.test(mac)) {
    throw new TypeError(`${JSON.stringify(mac)} is not a MAC address such as 02:42:ac:11:00:02`);
  }
  return Uint8Array.from(mac.split(':'), (pair) => Number.parseInt(pair, 16));
}

export function bytesToMac(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(':');
}

function encodeNewEnd(writer: NetlinkWriter, end: VethEnd, queues?: number): void {
  encodeLinkHeader(writer, end.index, end.up);
  encodeName(writer, end.name);
  if (end.mac !== undefined) writer.attribute(IFLA_ADDRESS, macToBytes(end.mac));
  if (end.mtu !== undefined) writer.attributeU32(IFLA_MTU, end.mtu);
  if (queues !== undefined) {
    writer.attributeU32(IFLA_NUM_TX_QUEUES, queues);
    writer.attributeU32(IFLA_NUM_RX_QUEUES, queues);
  }
}
