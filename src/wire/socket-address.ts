import { bytesToIp, type Ip, ipToBytes } from '#lib/ip.ts';

export const AF_INET = 2;
export const AF_INET6 = 10;

/** Whether this machine stores the low byte first; kernel structures are in the machine's order. */
export const LITTLE_ENDIAN = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

export interface SocketAddress {
  readonly address: Ip;
  readonly port: number;
}

/** `struct sockaddr_in` (16 bytes) or `sockaddr_in6` (28 bytes, with the scope of a link-local address). */
export function encodeSocketAddress(address: string, port: number, scopeId = 0): Uint8Array {
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    throw new RangeError(`${port} is not a port (0 to 65535)`);
  const ip = ipToBytes(address);
  const bytes = new Uint8Array(ip.length === 4 ? 16 : 28);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, ip.length === 4 ? AF_INET : AF_INET6, LITTLE_ENDIAN);
  view.setUint16(2, port);
  bytes.set(ip, ip.length === 4 ? 4 : 8);
  if (ip.length === 16) view.setUint32(24, scopeId, LITTLE_ENDIAN);
  return bytes;
}

/** Reads either structure; undefined for another family or too few bytes. */
export function decodeSocketAddress(bytes: Uint8Array): SocketAddress | undefined {
  if (bytes.length < 8) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const family = view.getUint16(0, LITTLE_ENDIAN);
  const port = view.getUint16(2);
  if (family === AF_INET) return { address: bytesToIp(bytes.subarray(4, 8)), port };
  if (family === AF_INET6 && bytes.length >= 24) return { address: bytesToIp(bytes.subarray(8, 24)), port };
  return undefined;
}
