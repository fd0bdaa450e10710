import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { KubeObject } from '#api/machinery/object.ts';

const PLURALS: Readonly<Record<string, string>> = {
  Namespace: '/api/v1/namespaces',
  Node: '/api/v1/nodes',
  Pod: '/api/v1/pods',
  ServiceImport: '/apis/multicluster.x-k8s.io/v1alpha1/serviceimports',
  Service: '/api/v1/services',
  EndpointSlice: '/apis/discovery.k8s.io/v1/endpointslices',
  ServiceCIDR: '/apis/networking.k8s.io/v1/servicecidrs',
};

/** A read-only API server over plain HTTP for what DNS and the service proxy read: lists and watches. */
export interface FakeApi extends AsyncDisposable {
  readonly url: string;
  /** Creates or replaces objects and tells the watchers. */
  apply(...objects: KubeObject[]): void;
  delete(...objects: KubeObject[]): void;
}

interface Collection {
  readonly objects: Map<string, KubeObject>;
  readonly watchers: Set<ServerResponse>;
}

/** With `hold`, requests wait for the promise before they are answered. */
export async function startFakeApi(
  objects: readonly KubeObject[] = [],
  { hold }: { hold?: Promise<void> } = {},
): Promise<FakeApi> {
  const collections = new Map<string, Collection>(
    Object.values(PLURALS).map((path) => [path, { objects: new Map(), watchers: new Set() }]),
  );
  let version = 1;
  const change = (type: 'ADDED' | 'MODIFIED' | 'DELETED', object: KubeObject): void => {
    const collection = collections.get(PLURALS[object.kind ?? ''] ?? '');
    if (collection === undefined) throw new Error(`the fake API server has no ${object.kind}`);
    const metadata = { uid: keyOf(object), ...object.metadata, resourceVersion: String(++version) };
    const stored = { ...object, metadata };
    const known = collection.objects.has(keyOf(object));
    if (type === 'DELETED') collection.objects.delete(keyOf(object));
    else collection.objects.set(keyOf(object), stored);
    const event = { type: type === 'ADDED' && known ? 'MODIFIED' : type, object: stored };
    for (const watcher of collection.watchers) watcher.write(`${JSON.stringify(event)}\n`);
  };
  for (const object of objects) change('ADDED', object);

  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    const url = new URL(request.url ?? '/', 'http://fake');
    const collection = collections.get(url.pathname);
    response.setHeader('content-type', 'application/json');
    if (collection === undefined) {
      response
        .writeHead(404)
        .end(JSON.stringify({ kind: 'Status', apiVersion: 'v1', status: 'Failure', code: 404 }));
    } else if (['1', 'true'].includes(url.searchParams.get('watch') ?? '')) {
      const initial = url.searchParams.get('sendInitialEvents') === 'true';
      watch(collection, initial ? 0 : Number(url.searchParams.get('resourceVersion') ?? 0), response);
      if (initial)
        response.write(`${JSON.stringify({ type: 'BOOKMARK', object: initialEventsEnd(version) })}\n`);
    } else {
      const items = [...collection.objects.values()];
      response.end(JSON.stringify({ kind: 'List', metadata: { resourceVersion: String(version) }, items }));
    }
  };
  const server = createServer((request, response) => {
    if (hold === undefined) answer(request, response);
    else void hold.then(() => answer(request, response));
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    apply: (...changed) => changed.forEach((object) => change('ADDED', object)),
    delete: (...gone) => gone.forEach((object) => change('DELETED', object)),
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function watch(collection: Collection, since: number, response: ServerResponse): void {
  response.writeHead(200);
  response.flushHeaders();
  for (const object of collection.objects.values()) {
    if (Number(object.metadata?.resourceVersion) > since) {
      response.write(`${JSON.stringify({ type: 'ADDED', object })}\n`);
    }
  }
  collection.watchers.add(response);
  response.on('close', () => collection.watchers.delete(response));
}

/** Ends the initial events of a streaming list. */
function initialEventsEnd(version: number): KubeObject {
  const annotations = { 'k8s.io/initial-events-end': 'true' };
  return { metadata: { resourceVersion: String(version), annotations } };
}

function keyOf({ metadata }: KubeObject): string {
  return `${metadata?.namespace ?? ''}/${metadata?.name ?? ''}`;
}
