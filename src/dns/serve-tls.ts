import { appendFile } from 'node:fs/promises';
import { createServer, type SecureContextOptions, type Server } from 'node:tls';
import { type ClientAuth, handshakeOptions, mayStay } from './client-certificate.ts';
import type { ListenAddress } from './config.ts';
import { Connections, DEFAULT_STREAM_LIMITS } from './connections.ts';
import { StreamConnection } from './serve-stream.ts';
import { clientOf, listenOn, type StreamOptions } from './serve-tcp.ts';
import type { Listener, QueryService } from './transport.ts';

/** A server's certificate, and whether clients need one too, of the authorities in `ca`. */
export type ServerTls = SecureContextOptions & {
  readonly clientAuth?: ClientAuth | undefined;
  /** File that gets the secrets of every connection. */
  readonly keyLog?: string | undefined;
};

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
  const options = { ...tls, ...handshakeOptions(tls.clientAuth), ALPNProtocols: ['dot'] };
  const server = createServer({ ...options, noDelay: true, handshakeTimeout: limits.readMs }, (socket) => {
    if (!mayStay(socket, tls.clientAuth)) {
      socket.destroy();
      return;
    }
    connections.add(socket);
    const client = clientOf(socket, 'tls', listen);
    void new StreamConnection(socket, service, { client, limits, onQuery: () => connections.touch(socket) });
  });
  server.on('connection', (socket) => accepted.add(socket));
  logKeys(server, tls.keyLog);
  server.on('tlsClientError', (_, socket) => socket.destroy());
  const address = await listenOn(server, listen, { what: 'TLS', reusePort });
  return { address, [Symbol.asyncDispose]: () => accepted.close(server) };
}

/** Writes what a program that looks at packets needs to read them. A file that cannot be written is no reason to stop. */
export function logKeys(server: Pick<Server, 'on'>, file: string | undefined): void {
  if (file === undefined) return;
  server.on('keylog', (line) => void appendFile(file, line).catch(() => undefined));
}
