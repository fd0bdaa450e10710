import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ListenAddress } from './config.ts';
import { isFamilyMissing, type Listener, listenError } from './transport.ts';

export interface StatusReply {
  readonly status: number;
  readonly body: string;
  /** Plain text when there is none. */
  readonly type?: string | undefined;
}

/** The page of a path; undefined: there is none. */
export type Pages = (path: string) => StatusReply | undefined;

/** Serves small pages, such as `/health`, over HTTP; every path without one is 404. */
export async function serveStatus(listen: ListenAddress, pages: Pages): Promise<Listener> {
  try {
    return await serveOn(listen, pages);
  } catch (error) {
    // The wildcard of IPv6 serves both families, where there is IPv6.
    if (listen.address !== '::' || !isFamilyMissing(error)) throw error;
    return serveOn({ ...listen, address: '0.0.0.0' }, pages);
  }
}

async function serveOn(listen: ListenAddress, pages: Pages): Promise<Listener> {
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    const found: StatusReply = pages(request.url?.split('?')[0] ?? '') ?? {
      status: 404,
      body: '404 page not found\n',
    };
    response.writeHead(found.status, { 'content-type': found.type ?? 'text/plain; charset=utf-8' });
    response.end(found.body);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => reject(listenError(`TCP (HTTP)`, listen, error)));
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
