import { bytesToIp, Cidr, ipToBytes } from '#lib/ip.ts';
import { decodeAttributes, type NetlinkWriter } from './netlink.ts';
import type { Address, AddressRequest, AddressScope } from './rtnetlink-types.ts';
import { AF_INET, AF_INET6, LITTLE_ENDIAN } from './socket-address.ts';

const IFA_ADDRESS = 1;
const IFA_LOCAL = 2;
const IFA_FLAGS = 8;
const IFA_F_NODAD = 0x02;
const IFA_F_TENTATIVE = 0x40;
const IFA_F_NOPREFIXROUTE = 0x200;

const SCOPES: Record<AddressScope, number> = { global: 0, site: 200, link: 253, host: 254, nowhere: 255 };

export function scopeToNumber(scope: AddressScope): number {
  return SCOPES[scope];
}

export function numberToScope(value: number): AddressScope {
  const names = Object.keys(SCOPES) as AddressScope[];
  return names.find((name) => SCOPES[name] === value) ?? 'global';
}

/** `index` is the interface of `request.link`. Throws a `TypeError` when the address is no CIDR. */
export function encodeAddress(writer: NetlinkWriter, request: AddressRequest, index: number): void {
  const { address, family, prefixLength } = Cidr.of(request.address);
  encodeAddressHeader(writer, family, prefixLength, scopeToNumber(request.scope ?? 'global'), index);
  const bytes = ipToBytes(address);
  writer.attribute(IFA_LOCAL, bytes);
  writer.attribute(IFA_ADDRESS, bytes);
  const noDad = family === 6 && request.noDad !== false;
  const flags = (noDad ? IFA_F_NODAD : 0) | (request.noPrefixRoute === true ? IFA_F_NOPREFIXROUTE : 0);
  if (flags !== 0) writer.attributeU32(IFA_FLAGS, flags);
}

/** `struct ifaddrmsg`. */
export function encodeAddressHeader(
  writer: NetlinkWriter,
  family?: 4 | 6,
  prefixLength = 0,
  scope = 0,
  index = 0,
): void {
  writer.u8(familyToNumber(family));
  writer.u8(prefixLength);
  writer.u8(0);
  writer.u8(scope);
  writer.u32(index);
}

export function decodeAddress(payload: Uint8Array): Address | undefined {
  const family = numberToFamily(payload[0]);
  if (payload.length < 8 || family === undefined) return undefined;
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  const attributes = decodeAttributes(payload, 8);
  const bytes = attributes.bytes(IFA_LOCAL) ?? attributes.bytes(IFA_ADDRESS);
  if (bytes?.length !== (family === 4 ? 4 : 16)) return undefined;
  const flags = attributes.u32(IFA_FLAGS) ?? view.getUint8(2);
  return {
    index: view.getUint32(4, LITTLE_ENDIAN),
    address: `${bytesToIp(bytes)}/${view.getUint8(1)}`,
    family,
    scope: numberToScope(view.getUint8(3)),
    tentative: (flags & IFA_F_TENTATIVE) !== 0,
  };
}

export function familyToNumber(family?: 4 | 6): number {
  if (family === undefined) return 0;
  return family === 4 ? AF_INET : AF_INET6;
}

export function numberToFamily(value: number | undefined): 4 | 6 | undefined {
  if (value === AF_INET) return 4;
  return value === AF_INET6 ? 6 : undefined;
}
