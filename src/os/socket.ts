import net from 'node:net';
import { formatAddressPort, ipFamily, isUnspecifiedIp, unmapIp } from '#lib/ip.ts';
import {
  AF_INET,
  AF_INET6,
  decodeSocketAddress,
  encodeSocketAddress,
  LITTLE_ENDIAN,
  type SocketAddress,
} from '#wire/socket-address.ts';
import { closeFd, threadLedger } from './fd-ledger.ts';
import { check, lastErrno, libc } from './libc.ts';
import { withNamespaces } from './namespace.ts';

export const SOCK_STREAM = 1;
export const SOCK_DGRAM = 2;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;

export const SOL_IP = 0;
export const SOL_SOCKET = 1;
export const SOL_IPV6 = 41;
const SO_REUSEADDR = 2;
const SO_REUSEPORT = 15;
const IP_FREEBIND = 15;
const IP_TRANSPARENT = 19;
const IPV6_V6ONLY = 26;
const IPV6_TRANSPARENT = 75;
const IPV6_FREEBIND = 78;
/** The same number for IPv4 and, at the IPv6 level, for IPv6. */
const SO_ORIGINAL_DST = 80;
const EINPROGRESS = 115;
const F_DUPFD_CLOEXEC = 1030;
const DISCARD_PORT = 9;

export interface BindOptions {
  /** `0.0.0.0` and `::` are all addresses of that family; IPv6 sockets never take IPv4. */
  address: string;
  /** 0 lets the kernel choose: `localAddress()` tells which. */
  port: number;
  /** The network namespace to make the socket in (a descriptor); this thread's own by default. */
  netns?: number | undefined;
  /** May bind addresses that are not local and take diverted (tproxy) packets; needs CAP_NET_ADMIN. */
  transparent?: boolean | undefined;
  /** May bind an address that is not there yet. */
  freebind?: boolean | undefined;
  /** Shares the port with other sockets that have this set. */
  reusePort?: boolean | undefined;
}

export interface ListenOptions extends BindOptions {
  /** Connections that may wait to be accepted; capped by net.core.somaxconn. */
  backlog?: number | undefined;
}

export interface ConnectOptions {
  address: string;
  port: number;
  netns?: number | undefined;
  /** Where to come from; with `transparent` also an address (and port) that is not local. */
  source?: { address: string; port?: number | undefined } | undefined;
  transparent?: boolean | undefined;
}

/** A listening TCP socket: serve it from any thread with `acceptOn()`, or close it with `closeFd()`. */
export function listenTcp(options: ListenOptions): number {
  return makeSocket(options.address, SOCK_STREAM, options.netns, (fd) => {
    setOption(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    bindTo(fd, options);
    check(libc().listen(fd, options.backlog ?? 511), 'listen', where(options));
  });
}

/** A bound UDP socket; hand it to `dgram.Socket#bind({ fd })` or use it as it is. */
export function bindUdp(options: BindOptions): number {
  return makeSocket(options.address, SOCK_DGRAM, options.netns, (fd) => bindTo(fd, options));
}

/** Starts a TCP connection and does not wait for it: `dialTcp()` does, or adopt it and let writes wait. */
export function connectTcp(options: ConnectOptions): number {
  const { address, port } = options;
  return makeSocket(address, SOCK_STREAM, options.netns, (fd) => {
    bindSource(fd, options);
    const target = encodeSocketAddress(address, port);
    const result = libc().connect(fd, target, target.length);
    if (result < 0 && lastErrno() !== EINPROGRESS) check(result, 'connect', `to ${where(options)}`);
  });
}

/**
 * Connects and waits until the other side has accepted; refuses with the system's error (ECONNREFUSED …). The socket
 * is made here, where the namespace is, and connected by Node: it alone sees errors that come by ICMP.
 */
export function dialTcp(options: ConnectOptions & { signal?: AbortSignal | undefined }): Promise<net.Socket> {
  const { address, port, netns, signal } = options;
  const { promise, resolve, reject } = Promise.withResolvers<net.Socket>();
  if (signal?.aborted === true) return Promise.reject(asError(signal.reason));
  const socket = adoptSocket(makeSocket(address, SOCK_STREAM, netns, (fd) => bindSource(fd, options)));
  const abort = (): void => {
    reject(asError(signal?.reason));
    socket.destroy();
  };
  signal?.addEventListener('abort', abort, { once: true });
  socket.once('error', reject);
  socket.once('close', () => signal?.removeEventListener('abort', abort));
  socket.connect({ host: address, port }, () => {
    signal?.removeEventListener('abort', abort);
    socket.off('error', reject);
    resolve(socket);
  });
  return promise;
}

function bindSource(fd: number, { source, transparent }: ConnectOptions): void {
  if (source === undefined) return;
  setOption(fd, SOL_SOCKET, SO_REUSEADDR, 1);
  bindTo(fd, { address: source.address, port: source.port ?? 0, transparent });
}

/** Serves a listening socket on this thread, which now owns it. Listening errors are emitted on the server. */
export function acceptOn(
  fd: number,
  handler: (socket: net.Socket) => void,
  options: net.ServerOpts = {},
): net.Server {
  const server = net.createServer(options, handler).listen({ fd });
  threadLedger().forget(fd);
  return server;
}

/** Another descriptor for the same socket, which lives until all of them are closed. The caller's to adopt or close. */
export function duplicateSocket(fd: number): number {
  return check(libc().fcntl(fd, F_DUPFD_CLOEXEC, 0), 'fcntl', `of descriptor ${fd}`);
}

/** Makes a raw connected (or connecting) TCP socket a `net.Socket` of this thread, which now owns it. */
export function adoptSocket(fd: number, options: { allowHalfOpen?: boolean } = {}): net.Socket {
  const socket = new net.Socket({ fd, readable: true, writable: true, ...options });
  threadLedger().forget(fd);
  return socket;
}

/** The descriptor of a socket that Node owns: for questions to the kernel while it is open, never to close it. */
export function descriptorOf(socket: net.Socket): number {
  const handle: unknown = Reflect.get(socket, '_handle');
  const fd: unknown = typeof handle === 'object' && handle !== null ? Reflect.get(handle, 'fd') : undefined;
  if (typeof fd !== 'number' || fd < 0) throw new Error('the socket is closed, it has no descriptor');
  return fd;
}

/** Where the client of a redirected (DNAT) connection wanted to go. */
export function originalDestination(fd: number): SocketAddress {
  const isIpv6 = rawLocalAddress(fd)[0] === AF_INET6;
  const value = new Uint8Array(28);
  const length = Uint8Array.of(isIpv6 ? 28 : 16, 0, 0, 0);
  check(
    libc().getsockopt(fd, isIpv6 ? SOL_IPV6 : SOL_IP, SO_ORIGINAL_DST, value, length),
    'getsockopt',
    `SO_ORIGINAL_DST of descriptor ${fd}`,
  );
  return decoded(value, fd);
}

/** The address and port a socket is bound to. */
export function localAddress(fd: number): SocketAddress {
  const { address, port } = decoded(rawLocalAddress(fd), fd);
  return { address: unmapIp(address), port };
}

/** Sets an integer socket option. */
export function setOption(fd: number, level: number, option: number, value: number): void {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setInt32(0, value, LITTLE_ENDIAN);
  check(
    libc().setsockopt(fd, level, option, bytes, 4),
    'setsockopt',
    `level ${level} option ${option} to ${value} on descriptor ${fd}`,
  );
}

/** Lets others have the address and port of a bound socket, too: those that are bound with `reusePort`. */
export function sharePort(fd: number): void {
  setOption(fd, SOL_SOCKET, SO_REUSEPORT, 1);
}

/**
 * Lets nothing more come in by a UDP socket: the others that share its port get it. What is here already can be read.
 * To be closed afterwards, without anything being sent.
 */
export function turnAway(fd: number): void {
  const { address } = localAddress(fd);
  const isIpv6 = ipFamily(address) === 6;
  const self = isUnspecifiedIp(address) ? (isIpv6 ? '::1' : '127.0.0.1') : address;
  // A socket with a peer is passed over for everybody else; nobody has this port.
  const target = encodeSocketAddress(self, DISCARD_PORT);
  check(libc().connect(fd, target, target.length), 'connect', where({ address: self, port: DISCARD_PORT }));
}

/** Opens a non-blocking socket in a namespace, records it, prepares it, and closes it if that fails. */
function makeSocket(
  address: string,
  type: number,
  netns: number | undefined,
  prepare: (fd: number) => void,
): number {
  const domain = ipFamily(address) === 6 ? AF_INET6 : AF_INET;
  const fd = openSocket(domain, type, 0, netns);
  try {
    if (domain === AF_INET6) setOption(fd, SOL_IPV6, IPV6_V6ONLY, 1);
    prepare(fd);
    return fd;
  } catch (error) {
    closeFd(fd);
    throw error;
  }
}

/** socket(2), non-blocking, closed on exec, in this thread's ledger. */
export function openSocket(domain: number, type: number, protocol: number, netns?: number): number {
  const open = (): number =>
    check(
      libc().socket(domain, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol),
      'socket',
      `of family ${domain}`,
    );
  const fd = netns === undefined ? open() : withNamespaces({ net: netns }, open);
  threadLedger().add(fd);
  return fd;
}

function bindTo(fd: number, options: BindOptions): void {
  const isIpv6 = ipFamily(options.address) === 6;
  const level = isIpv6 ? SOL_IPV6 : SOL_IP;
  if (options.transparent === true) setOption(fd, level, isIpv6 ? IPV6_TRANSPARENT : IP_TRANSPARENT, 1);
  if (options.freebind === true) setOption(fd, level, isIpv6 ? IPV6_FREEBIND : IP_FREEBIND, 1);
  if (options.reusePort === true) setOption(fd, SOL_SOCKET, SO_REUSEPORT, 1);
  const address = encodeSocketAddress(options.address, options.port);
  check(libc().bind(fd, address, address.length), 'bind', where(options));
}

function rawLocalAddress(fd: number): Uint8Array {
  const address = new Uint8Array(28);
  check(libc().getsockname(fd, address, Uint8Array.of(28, 0, 0, 0)), 'getsockname', `of descriptor ${fd}`);
  return address;
}

function decoded(bytes: Uint8Array, fd: number): SocketAddress {
  const address = decodeSocketAddress(bytes);
  if (address === undefined) throw new TypeError(`descriptor ${fd} is not an IP socket`);
  return address;
}

function where({ address, port }: { address: string; port: number }): string {
  return formatAddressPort(address, port);
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error('aborted', { cause: reason });
}
