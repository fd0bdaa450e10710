import { createServer, type SecureContextOptions } from 'node:tls';
import type { ListenAddress } from './config.ts';
import { Connections, DEFAULT_STREAM_LIMITS } from './connections.ts';
import { StreamConnection } from './serve-stream.ts';
import { clientOf, listenOn, type StreamOptions } from './serve-tcp.ts';
import type { Listener, QueryService } from './transport.ts';

/** A server's certificate; with `ca` and `requestCert`, clients have to have one too. */
export type ServerTls = SecureContextOptions & { readonly requestCert?: boolean | undefined };

/** Serves DNS over TLS (RFC 7858), TLS 1.2 and later. */
export async function serveTls(
  listen: ListenAddress,
  service: QueryService,
  tls: ServerTls,
  { reusePort, limits: given }: StreamOptions = {},
): Promise<Listener> {
  const limits = { ...DEFAULT_STREAM_LIMITS, ...given };
  const connections = new Connections(limits.maxConnections);
  // Those in the middle of their handshake too.
  const accepted = new Connections(2 * limits.maxConnections);
  const options = { ...tls, requestCert: tls.requestCert ?? false, ALPNProtocols: ['dot'] };
  const server = createServer({ ...options, noDelay: true, handshakeTimeout: limits.readMs }, (socket) => {
    connections.add(socket);
    const client = clientOf(socket, 'tls', listen);
    void new StreamConnection(socket, service, { client, limits, onQuery: () => connections.touch(socket) });
  });
  server.on('connection', (socket) => accepted.add(socket));
  server.on('tlsClientError', (_, socket) => socket.destroy());
  const address = await listenOn(server, listen, { what: 'TLS', reusePort });
  return { address, [Symbol.asyncDispose]: () => accepted.close(server) };
}
