import { isErrno } from '#os/libc.ts';
import { bindUdp, listenTcp } from '#os/socket.ts';
import { ClusterError } from './config.ts';
import type { HostSocketRequest } from './messages.ts';

const LOOPBACK = '127.0.0.1';
const MAX_PORT = 65535;

/** A listening socket on the host's loopback. */
export interface HostPort {
  readonly fd: number;
  readonly port: number;
}

/** Listens on exactly this port; `flag` names what chooses another one. */
export function listenOnPort(port: number, what: string, flag: string): HostPort {
  try {
    return { fd: listenTcp({ address: LOOPBACK, port }), port };
  } catch (error) {
    if (isErrno(error, 'EADDRINUSE')) {
      throw new ClusterError(
        `port ${port} of ${LOOPBACK}, for ${what}, is taken: end what listens there, or choose another with ${flag}`,
        { cause: error },
      );
    }
    if (isErrno(error, 'EACCES')) {
      throw new ClusterError(
        `port ${port} may not be opened by this user: choose one from 1024 on with ${flag}`,
        {
          cause: error,
        },
      );
    }
    throw error;
  }
}

/** Listens on the first free port from `from` on, passing over those that are kept for others. */
export function listenFrom(from: number, avoid: ReadonlySet<number>): HostPort {
  for (let port = from; port <= MAX_PORT; port++) {
    if (avoid.has(port)) continue;
    try {
      return { fd: listenTcp({ address: LOOPBACK, port }), port };
    } catch (error) {
      if (!isErrno(error, 'EADDRINUSE')) throw error;
    }
  }
  throw new ClusterError(`no port of ${LOOPBACK} from ${from} on is free`);
}

/** Opens a socket on the host for somebody else; the code of the error when that fails. */
export function openHostSocket({
  protocol,
  address,
  port,
}: HostSocketRequest): { fd: number } | { code: string } {
  try {
    return { fd: protocol === 'TCP' ? listenTcp({ address, port }) : bindUdp({ address, port }) };
  } catch (error) {
    const { code } = error as { code?: unknown };
    return { code: typeof code === 'string' ? code : 'EIO' };
  }
}
