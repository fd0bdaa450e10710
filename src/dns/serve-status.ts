import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ListenAddress } from './config.ts';
import { isFamilyMissing, type Listener, listenError } from './transport.ts';

export interface StatusReply {
  readonly status: number;
  readonly body: string;
}

/** Serves one page, such as `/health`, over HTTP; every other path is 404. */
export async function serveStatus(
  listen: ListenAddress,
  path: string,
  reply: () => StatusReply,
): Promise<Listener> {
  try {
    return await serveOn(listen, path, reply);
  } catch (error) {
    // The wildcard of IPv6 serves both families, where there is IPv6.
    if (listen.address !== '::' || !isFamilyMissing(error)) throw error;
    return serveOn({ ...listen, address: '0.0.0.0' }, path, reply);
  }
}

async function serveOn(listen: ListenAddress, path: string, reply: () => StatusReply): Promise<Listener> {
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    const found =
      request.url?.split('?')[0] === path ? reply() : { status: 404, body: '404 page not found\n' };
    response.writeHead(found.status, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' });
    response.end(found.body);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => reject(listenError(`TCP (${path})`, listen, error)));
    server.listen({ port: listen.port, host: listen.address }, resolve);
  });
  return {
    address: { address: listen.address, port: (server.address() as AddressInfo).port },
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
