import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { ipFamily, unmapIp } from '#lib/ip.ts';
import { inheritedSocket } from '#os/inherited-sockets.ts';
import type { ListenAddress } from './config.ts';
import { Connections, DEFAULT_STREAM_LIMITS, type StreamLimits } from './connections.ts';
import type { Client } from './handler.ts';
import { StreamConnection } from './serve-stream.ts';
import { type Listener, type ListenOptions, listenError, type QueryService } from './transport.ts';

export type StreamOptions = ListenOptions & { readonly limits?: Partial<StreamLimits> | undefined };

/** Serves DNS over TCP. */
export async function serveTcp(
  listen: ListenAddress,
  service: QueryService,
  { reusePort, limits: given }: StreamOptions = {},
): Promise<Listener> {
  const limits = { ...DEFAULT_STREAM_LIMITS, ...given };
  const connections = new Connections(limits.maxConnections);
  const server = createServer({ noDelay: true }, (socket) => {
    connections.add(socket);
    const client = clientOf(socket, 'tcp', listen);
    void new StreamConnection(socket, service, { client, limits, onQuery: () => connections.touch(socket) });
  });
  const address = await listenOn(server, listen, { what: 'TCP', reusePort });
  return { address, [Symbol.asyncDispose]: () => connections.close(server) };
}

/** Listens, on one family only. Resolves with the address and the port chosen. */
export async function listenOn(
  server: Server,
  listen: ListenAddress,
  { what, reusePort = false }: { what: string; reusePort?: boolean | undefined },
): Promise<ListenAddress> {
  const { address: host, port } = listen;
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => reject(listenError(what, listen, error)));
    const fd = inheritedSocket('tcp', listen);
    server.listen(fd === undefined ? { port, host, ipv6Only: true, reusePort } : { fd }, resolve);
  });
  server.removeAllListeners('error');
  // Out of descriptors: the connection stays in the kernel's queue, or is refused there.
  server.on('error', () => undefined);
  return { address: host, port: (server.address() as AddressInfo).port };
}

export function clientOf(
  socket: Pick<Socket, 'remoteAddress' | 'remotePort' | 'localAddress' | 'localPort'>,
  transport: Client['transport'],
  listen: ListenAddress,
): Client {
  const { remoteAddress = '', remotePort: port = 0, localAddress, localPort = listen.port } = socket;
  return {
    transport,
    family: ipFamily(listen.address),
    address: remoteAddress === '' ? '' : unmapIp(remoteAddress),
    port,
    local: { address: localAddress ?? listen.address, port: localPort },
  };
}
