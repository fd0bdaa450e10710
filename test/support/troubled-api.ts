// An API server that can be away, refuse, hang and come back, on one address.
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { KubeObject } from '#api/machinery/object.ts';
import { type FakeApi, startFakeApi } from './fake-api.ts';

/** What becomes of a request: a refusal, silence, or, undefined, an answer. */
export type Trouble = { readonly code: number; readonly reason: string; readonly message: string } | 'hangs';

export interface TroubledApi extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  /** The objects. While it is away, nobody hears of changes. */
  readonly api: Pick<FakeApi, 'apply' | 'delete'>;
  /** Paths of the requests that came in. */
  readonly asked: string[];
  /** Decides on every request from now on. */
  trouble: (path: string) => Trouble | undefined;
  /** Ends all connections and takes no more. */
  goAway(): Promise<void>;
  comeBack(): Promise<void>;
}

/** `port`: an address chosen before, such as one where nobody was listening yet. */
export async function startTroubledApi(
  objects: readonly KubeObject[],
  { port = 0, away = false }: { port?: number; away?: boolean } = {},
): Promise<TroubledApi> {
  const api = await startFakeApi(objects);
  const asked: string[] = [];
  let server: Server | undefined;
  const listen = async (at: number): Promise<number> => {
    const listening = createServer((incoming, outgoing) => answer(incoming, outgoing));
    server = listening;
    await new Promise<void>((resolve, reject) => {
      listening.once('error', reject);
      listening.listen(at, '127.0.0.1', resolve);
    });
    return (listening.address() as AddressInfo).port;
  };
  const close = async (): Promise<void> => {
    const closing = server;
    server = undefined;
    closing?.closeAllConnections();
    await new Promise<void>((resolve) =>
      closing === undefined ? resolve() : closing.close(() => resolve()),
    );
  };
  const answer = (incoming: IncomingMessage, outgoing: ServerResponse): void => {
    const path = incoming.url ?? '/';
    asked.push(path);
    const trouble = troubled.trouble(path);
    if (trouble === undefined) pass(api.url, incoming, outgoing);
    else if (trouble !== 'hangs') refuse(trouble, outgoing);
  };
  const chosen = away ? port : await listen(port);
  const troubled: TroubledApi = {
    url: `http://127.0.0.1:${chosen}`,
    port: chosen,
    api,
    asked,
    trouble: () => undefined,
    goAway: close,
    async comeBack() {
      await listen(chosen);
    },
    async [Symbol.asyncDispose]() {
      await close();
      await api[Symbol.asyncDispose]();
    },
  };
  return troubled;
}

function pass(url: string, incoming: IncomingMessage, outgoing: ServerResponse): void {
  const onward = request(`${url}${incoming.url}`, (response) => {
    outgoing.writeHead(response.statusCode ?? 500, response.headers);
    outgoing.flushHeaders();
    response.pipe(outgoing);
  });
  onward.on('error', () => outgoing.destroy());
  outgoing.on('close', () => onward.destroy());
  onward.end();
}

function refuse({ code, reason, message }: Exclude<Trouble, 'hangs'>, outgoing: ServerResponse): void {
  outgoing.writeHead(code, { 'content-type': 'application/json' });
  outgoing.end(
    JSON.stringify({ kind: 'Status', apiVersion: 'v1', status: 'Failure', code, reason, message }),
  );
}
