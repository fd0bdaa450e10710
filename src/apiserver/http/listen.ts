import type { IncomingMessage } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ApiServerConfig, Listener } from '#apiserver/config.ts';
import type { Handler } from './handler.ts';

/** Connections without a request are kept for clients that come back; proxies in between expect about this long. */
const KEEP_ALIVE_MS = 5 * 60_000;

/** Answers are a matter of milliseconds; watches have been told to end. */
const CLOSE_GRACE_MS = 50;

/** One HTTPS server per listener, all with the same handler. */
export async function listen(
  { tls, clientCa, listeners }: ApiServerConfig,
  handler: Handler,
): Promise<Server[]> {
  const servers = listeners.map(() => {
    // Who shows no certificate, or a bad one, is asked for a token: authentication decides, not TLS.
    const server = createServer({
      ...tls,
      ca: clientCa,
      requestCert: true,
      rejectUnauthorized: false,
      keepAliveTimeout: KEEP_ALIVE_MS,
      requestTimeout: 0,
      noDelay: true,
    });
    server.on('request', (request, response) => void handler.handle(request, response));
    server.on(
      'upgrade',
      (request: IncomingMessage, socket, head) => void handler.upgrade(request, socket, head),
    );
    server.on('tlsClientError', (_error, socket) => socket.destroy());
    server.on('clientError', (_error, socket) => socket.destroy());
    return server;
  });
  try {
    await Promise.all(servers.map((server, i) => start(server, listeners[i])));
  } catch (error) {
    for (const server of servers) server.close();
    throw error;
  }
  return servers;
}

async function start(server: Server, listener: Listener | undefined): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject);
  if (listener !== undefined && 'fd' in listener) server.listen({ fd: listener.fd }, resolve);
  else server.listen({ host: listener?.host ?? '127.0.0.1', port: listener?.port ?? 0 }, resolve);
  await promise;
  server.off('error', reject);
  // Too many open files, for one: this connection is lost, the server goes on.
  server.on('error', (error) => process.emitWarning(`API server: ${error.message}`));
}

export function addressOf(server: Server): { host: string; port: number } {
  const { address, port } = server.address() as AddressInfo;
  return { host: address, port };
}

/** Stops accepting, lets running answers and watches end, and cuts what has not ended then. */
export async function stop(servers: readonly Server[]): Promise<void> {
  const closed = servers.map((server) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    server.close(() => resolve());
    return promise;
  });
  await Promise.race([Promise.all(closed), sleep(CLOSE_GRACE_MS)]);
  for (const server of servers) server.closeAllConnections();
  await Promise.all(closed);
}
