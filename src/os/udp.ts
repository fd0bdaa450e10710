import { unmapIp } from '#lib/ip.ts';
import {
  decodeSocketAddress,
  encodeSocketAddress,
  LITTLE_ENDIAN,
  type SocketAddress,
} from '#wire/socket-address.ts';
import { addressOf, check, Errno, lastErrno, libc } from './libc.ts';
import { bindUdp, SOL_IP, SOL_IPV6, setOption } from './socket.ts';

const IP_RECVORIGDSTADDR = 20;
const IPV6_RECVORIGDSTADDR = 74;
const EAGAIN = 11;

const NAME_BYTES = 28;
const CONTROL_BYTES = 128;
/** `struct cmsghdr` on 64-bit machines: length (8 bytes), level, type. */
const CONTROL_HEADER_BYTES = 16;
/** `struct msghdr` on 64-bit machines, and one `struct iovec` behind it. */
const HEADER_BYTES = 56;
const IOVEC_BYTES = 16;

export interface OriginalDatagram {
  /** How many bytes of the buffer it fills; what did not fit is lost. */
  readonly length: number;
  readonly source: SocketAddress;
  /** Where its sender wanted it to go. */
  readonly destination: SocketAddress;
}

/** Makes a UDP socket tell where its datagrams were going: for `recvFromOriginal()`. */
export function wantOriginalDestination(fd: number, family: 4 | 6): void {
  if (family === 4) setOption(fd, SOL_IP, IP_RECVORIGDSTADDR, 1);
  else setOption(fd, SOL_IPV6, IPV6_RECVORIGDSTADDR, 1);
}

/** Structures for recvmsg(2) in memory that does not move; one set per thread, for calls never overlap. */
let receiver: { header: Buffer; name: Buffer; control: Buffer } | undefined;

/**
 * Takes the next datagram of a (transparent) UDP socket; undefined when there is none. Without
 * `wantOriginalDestination()` it throws. The buffer must be of `Buffer.allocUnsafeSlow()`.
 */
export function recvFromOriginal(fd: number, buffer: Buffer): OriginalDatagram | undefined {
  receiver ??= {
    header: Buffer.allocUnsafeSlow(HEADER_BYTES + IOVEC_BYTES),
    name: Buffer.allocUnsafeSlow(NAME_BYTES),
    control: Buffer.allocUnsafeSlow(CONTROL_BYTES),
  };
  const { header, name, control } = receiver;
  encodeMessageHeader(header, name, control, buffer);
  const length = libc().recvmsg(fd, header, 0);
  if (length < 0) {
    const errno = lastErrno();
    if (errno === EAGAIN) return undefined;
    throw new Errno('recvmsg', errno, `UDP, descriptor ${fd}`);
  }
  const source = decodeSocketAddress(name);
  const destination = decodeSocketAddress(control.subarray(CONTROL_HEADER_BYTES));
  if (source === undefined || destination === undefined) {
    throw new TypeError(`descriptor ${fd} does not tell where datagrams were going`);
  }
  return { length, source: plain(source), destination: plain(destination) };
}

/** A socket that sends in the name of an address and port that may be another host's (needs CAP_NET_ADMIN). */
export function bindForeignUdp(source: SocketAddress, netns?: number): number {
  return bindUdp({ ...source, netns, transparent: true, reusePort: true });
}

/** Sends one datagram from a bound socket; false when the send buffer is full and it was dropped. */
export function sendTo(fd: number, data: Uint8Array, destination: SocketAddress): boolean {
  const address = encodeSocketAddress(destination.address, destination.port);
  const sent = libc().sendto(fd, data, data.length, 0, address, address.length);
  if (sent < 0 && lastErrno() === EAGAIN) return false;
  check(sent, 'sendto', `${destination.address} port ${destination.port}`);
  return true;
}

function encodeMessageHeader(header: Buffer, name: Buffer, control: Buffer, buffer: Buffer): void {
  const view = new DataView(header.buffer, header.byteOffset, header.byteLength);
  header.fill(0);
  control.fill(0);
  view.setBigUint64(0, addressOf(name), LITTLE_ENDIAN);
  view.setUint32(8, name.length, LITTLE_ENDIAN);
  view.setBigUint64(16, addressOf(header) + BigInt(HEADER_BYTES), LITTLE_ENDIAN);
  view.setBigUint64(24, 1n, LITTLE_ENDIAN);
  view.setBigUint64(32, addressOf(control), LITTLE_ENDIAN);
  view.setBigUint64(40, BigInt(control.length), LITTLE_ENDIAN);
  view.setBigUint64(HEADER_BYTES, addressOf(buffer), LITTLE_ENDIAN);
  view.setBigUint64(HEADER_BYTES + 8, BigInt(buffer.length), LITTLE_ENDIAN);
}

function plain({ address, port }: SocketAddress): SocketAddress {
  return { address: unmapIp(address), port };
}
