import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { matchesFields, parseFieldSelector } from '#api/machinery/field-selector.ts';
import { matchesLabels, parseLabelSelector } from '#api/machinery/label-selector.ts';
import { type KubeObject, keyOf } from '#api/machinery/object.ts';

const PATHS: Readonly<Record<string, string>> = {
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
  /** Leaves new requests unanswered until `release()`. */
  hold(): void;
  release(): void;
  /** Ends all watches. */
  drop(): void;
  /** Forgets all changes so far, so that no watch can go on where it was (410), and ends all watches. */
  compact(): void;
}

interface Change {
  readonly version: number;
  readonly object: KubeObject;
  /** Before the change. */
  readonly old: KubeObject | undefined;
  readonly deleted: boolean;
}

type Selects = (object: KubeObject | undefined) => boolean;

/** The objects of one kind. */
class Collection {
  readonly objects = new Map<string, KubeObject>();
  readonly watchers = new Map<ServerResponse, Selects>();
  changes: Change[] = [];

  record(change: Change): void {
    this.changes.push(change);
    for (const [watcher, selects] of this.watchers) tell(watcher, change, selects);
  }

  drop(): void {
    for (const watcher of this.watchers.keys()) watcher.end();
    this.watchers.clear();
  }
}

/** With `hold`, requests wait for the promise before they are answered. */
export async function startFakeApi(
  objects: readonly KubeObject[] = [],
  { hold }: { hold?: Promise<void> } = {},
): Promise<FakeApi> {
  const store = new Store(objects);
  let gate = hold === undefined ? undefined : { opened: hold, open: () => undefined as void };
  const server = createServer((request, response) => {
    if (gate === undefined) store.answer(request, response);
    else void gate.opened.then(() => store.answer(request, response));
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    apply: (...changed) => changed.forEach((object) => store.change(object)),
    delete: (...gone) => gone.forEach((object) => store.change(object, { deleted: true })),
    hold() {
      const { promise, resolve } = Promise.withResolvers<void>();
      gate = { opened: promise, open: resolve };
    },
    release() {
      gate?.open();
      gate = undefined;
    },
    drop: () => store.drop(),
    compact: () => store.compact(),
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

class Store {
  readonly #collections = new Map(Object.values(PATHS).map((path) => [path, new Collection()]));
  #version = 1;
  /** Changes up to this version are forgotten. */
  #compacted = 1;

  constructor(objects: readonly KubeObject[]) {
    for (const object of objects) this.change(object);
    for (const collection of this.#collections.values()) collection.changes = [];
    this.#compacted = this.#version;
  }

  change(object: KubeObject, { deleted = false } = {}): void {
    const collection = this.#collections.get(PATHS[object.kind ?? ''] ?? '');
    if (collection === undefined) throw new Error(`the fake API server has no ${object.kind}`);
    const key = keyOf(object);
    const old = collection.objects.get(key);
    const version = ++this.#version;
    const metadata = { uid: key, ...object.metadata, resourceVersion: String(version) };
    const stored = { ...object, metadata };
    if (deleted) collection.objects.delete(key);
    else collection.objects.set(key, stored);
    collection.record({ version, object: stored, old, deleted });
  }

  drop(): void {
    for (const collection of this.#collections.values()) collection.drop();
  }

  compact(): void {
    for (const collection of this.#collections.values()) collection.changes = [];
    this.#compacted = this.#version;
    this.drop();
  }

  answer(request: IncomingMessage, response: ServerResponse): void {
    const url = new URL(request.url ?? '/', 'http://fake');
    const collection = this.#collections.get(url.pathname);
    response.setHeader('content-type', 'application/json');
    if (collection === undefined) response.writeHead(404).end(JSON.stringify(status(404, 'NotFound')));
    else if (['1', 'true'].includes(url.searchParams.get('watch') ?? ''))
      this.#watch(collection, url.searchParams, response);
    else {
      const items = [...collection.objects.values()].filter(selector(url.searchParams));
      const metadata = { resourceVersion: String(this.#version) };
      response.end(JSON.stringify({ kind: 'List', metadata, items }));
    }
  }

  #watch(collection: Collection, parameters: URLSearchParams, response: ServerResponse): void {
    const selects = selector(parameters);
    const streaming = parameters.get('sendInitialEvents') === 'true';
    const since = streaming ? 0 : Number(parameters.get('resourceVersion') ?? 0);
    response.writeHead(200);
    response.flushHeaders();
    if (since > 0 && since < this.#compacted) {
      response.end(line('ERROR', status(410, 'Expired')));
      return;
    }
    if (since > 0) {
      for (const change of collection.changes) if (change.version > since) tell(response, change, selects);
    } else {
      for (const object of collection.objects.values())
        if (selects(object)) response.write(line('ADDED', object));
    }
    if (streaming) response.write(line('BOOKMARK', initialEventsEnd(this.#version)));
    collection.watchers.set(response, selects);
    response.on('close', () => collection.watchers.delete(response));
  }
}

/** One event as a watcher with this selector sees it; none if it concerns nothing it selects. */
function tell(watcher: ServerResponse, { object, old, deleted }: Change, selects: Selects): void {
  const before = selects(old);
  const after = !deleted && selects(object);
  if (after) watcher.write(line(before ? 'MODIFIED' : 'ADDED', object));
  else if (before) watcher.write(line('DELETED', object));
}

function line(type: string, object: unknown): string {
  return `${JSON.stringify({ type, object })}\n`;
}

/** Labels, and of fields those that DNS selects by. */
function selector(parameters: URLSearchParams): Selects {
  const labels = parseLabelSelector(parameters.get('labelSelector') ?? '');
  const fields = parseFieldSelector(parameters.get('fieldSelector') ?? '');
  return (object) => {
    if (object === undefined || !matchesLabels(labels, object.metadata?.labels)) return false;
    const { status: state } = object as { readonly status?: { readonly phase?: string } };
    return matchesFields(fields, { 'status.phase': state?.phase ?? '' });
  };
}

function status(code: number, reason: string): object {
  return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', reason, message: reason, code };
}

/** Ends the initial events of a streaming list. */
function initialEventsEnd(version: number): KubeObject {
  const annotations = { 'k8s.io/initial-events-end': 'true' };
  return { metadata: { resourceVersion: String(version), annotations } };
}
