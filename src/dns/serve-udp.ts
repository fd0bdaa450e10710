import { libc } from '#os/libc.ts';
import type { ListenAddress } from './config.ts';
import { serveUdpBatch } from './serve-udp-batch.ts';
import { serveUdpPortable } from './serve-udp-portable.ts';
import { type Listener, type ListenOptions, listenError, type QueryService } from './transport.ts';

/** `batch`: many datagrams per system call, by the C library of 64-bit Linux. `portable`: `node:dgram` alone. */
export type UdpPath = 'batch' | 'portable';

const BATCH_ARCHITECTURES = new Set(['x64', 'arm64']);

/** The fastest path that there is here: without the FFI library, the portable one. */
export function bestUdpPath(): UdpPath {
  if (!BATCH_ARCHITECTURES.has(process.arch)) return 'portable';
  try {
    libc();
    return 'batch';
  } catch {
    return 'portable';
  }
}

/** Serves DNS over one UDP socket, made in this thread's network namespace. */
export async function serveUdp(
  listen: ListenAddress,
  service: QueryService,
  { path = bestUdpPath(), ...options }: ListenOptions & { path?: UdpPath } = {},
): Promise<Listener> {
  const serve = path === 'batch' ? serveUdpBatch : serveUdpPortable;
  return serve(listen, service, options).catch((error: Error) => {
    throw listenError('UDP', listen, error);
  });
}
