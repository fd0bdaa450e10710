import { unmapIp } from '#lib/ip.ts';
import { decodeSocketAddress, LITTLE_ENDIAN } from '#wire/socket-address.ts';
import { libc } from './libc.ts';
import { duplicateSocket, SOCK_DGRAM, SOCK_STREAM, SOL_SOCKET } from './socket.ts';

/** Where service managers put the first of them: sd_listen_fds(3). */
const FIRST_FD = 3;
const SO_TYPE = 3;
const F_SETFD = 2;
const FD_CLOEXEC = 1;

/** A bound socket that somebody else opened for this process, and keeps open when it ends. */
export interface InheritedSocket {
  readonly fd: number;
  readonly kind: 'udp' | 'tcp';
  readonly address: string;
  readonly port: number;
}

/**
 * What the service manager that started process `pid` says it was given, in `LISTEN_PID` and `LISTEN_FDS`. Variables
 * meant for another process (the environment is handed on) count for nothing, nor do sockets of other families.
 */
export function readInheritedSockets(
  env: NodeJS.ProcessEnv,
  pid: number,
  first = FIRST_FD,
): InheritedSocket[] {
  const count = Number(env['LISTEN_FDS'] ?? 0);
  if (env['LISTEN_PID'] !== String(pid) || !Number.isInteger(count)) return [];
  return Array.from({ length: Math.max(0, count) }, (_, i) => first + i).flatMap((fd) => describe(fd) ?? []);
}

function describe(fd: number): InheritedSocket | undefined {
  const type = new Uint8Array(4);
  const name = new Uint8Array(28);
  if (libc().fcntl(fd, F_SETFD, FD_CLOEXEC) < 0) return undefined;
  if (libc().getsockopt(fd, SOL_SOCKET, SO_TYPE, type, Uint8Array.of(4, 0, 0, 0)) < 0) return undefined;
  if (libc().getsockname(fd, name, Uint8Array.of(28, 0, 0, 0)) < 0) return undefined;
  const bound = decodeSocketAddress(name);
  const kind = KINDS.get(new DataView(type.buffer).getInt32(0, LITTLE_ENDIAN));
  return bound && kind && { fd, kind, address: unmapIp(bound.address), port: bound.port };
}

const KINDS = new Map<number, InheritedSocket['kind']>([
  [SOCK_DGRAM, 'udp'],
  [SOCK_STREAM, 'tcp'],
]);

let known: readonly InheritedSocket[] | undefined;

/** Those of this process. */
function ownSockets(): readonly InheritedSocket[] {
  return (known ??= readInheritedSockets(process.env, process.pid));
}

/**
 * A descriptor for the socket of this kind, address and port that this process was given; undefined when there is none.
 * Each call makes another one, to be closed when it is no longer served: the socket itself stays.
 */
export function inheritedSocket(
  kind: InheritedSocket['kind'],
  { address, port }: { address: string; port: number },
): number | undefined {
  const isIt = (each: InheritedSocket): boolean =>
    each.kind === kind && each.address === address && each.port === port;
  const found = ownSockets().find(isIt);
  return found && duplicateSocket(found.fd);
}

/** Addresses on which this process was given the port, which is why no other socket can have it. */
export function inheritedAddresses(port: number): string[] {
  const addresses = ownSockets().flatMap((each) => (each.port === port ? [each.address] : []));
  return [...new Set(addresses)];
}
