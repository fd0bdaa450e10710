import { constants, openSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { basename, dirname } from 'node:path';
import type { ClusterStatus, EnterTarget } from './status.ts';

/** What the control socket lets a user of the cluster's data directory ask. */
export interface ControlHandlers {
  status(): ClusterStatus;
  enter(target: string): Promise<EnterTarget>;
  /** Ends a part's thread as a failure would, to see what follows. */
  killPart(name: string): Promise<void>;
  /** Ends the cluster once `answered` resolves, which it does when the asker has been told. */
  down(answered: Promise<void>): void;
}

/** Answers on the control socket; a socket left by a killed supervisor is replaced (the caller holds the lock). */
export function serveControl(path: string, handlers: ControlHandlers): Promise<Server> {
  rmSync(path, { force: true });
  const server = createServer((request, response) => void answer(request, response, handlers));
  const { promise, resolve, reject } = Promise.withResolvers<Server>();
  server.once('error', reject);
  // As in `withShortPath()`; the descriptor stays open because the path is used again when the server closes.
  const directory = openSync(dirname(path), constants.O_RDONLY | constants.O_DIRECTORY);
  server.listen({ path: `/proc/self/fd/${directory}/${basename(path)}` }, () => resolve(server));
  return promise;
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  handlers: ControlHandlers,
): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://control');
  try {
    const route = `${request.method} ${url.pathname}`;
    if (route === 'GET /status') return reply(response, 200, handlers.status());
    if (route === 'GET /enter')
      return reply(response, 200, await handlers.enter(url.searchParams.get('target') ?? ''));
    if (route === 'POST /kill') {
      await handlers.killPart(url.searchParams.get('part') ?? '');
      return reply(response, 200, {});
    }
    if (route === 'POST /down') {
      handlers.down(new Promise((resolve) => response.once('finish', resolve)));
      return reply(response, 200, {});
    }
    reply(response, 404, { error: `the control socket does not know ${route}` });
  } catch (error) {
    reply(response, 400, { error: (error as Error).message });
  }
}

function reply(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json', connection: 'close' });
  response.end(JSON.stringify(body));
}
