/** A client of any Kubernetes API server. */
import type { TokenRequest, TokenRequestSpec } from '#api/authentication/v1.gen.ts';
import type { KubeObject } from '#api/machinery/object.ts';
import { StatusError } from '#api/machinery/status-error.ts';
import type { DeleteOptions, ListMeta, Status } from '#api/meta/v1.gen.ts';
import { ConnectionError, pause } from './errors.ts';
import { type ClientConfig, HttpConnections, type HttpResponse, readText } from './http.ts';
import { type ObjectKey, pathOf, type Resource, SERVICE_ACCOUNTS } from './resources.ts';
import { readEvents } from './watch-stream.ts';

export type { ClientConfig } from './http.ts';

export interface RequestOptions {
  signal?: AbortSignal | undefined;
}

export interface WriteOptions extends RequestOptions {
  dryRun?: boolean | undefined;
  fieldManager?: string | undefined;
  fieldValidation?: 'Ignore' | 'Warn' | 'Strict' | undefined;
}

export interface ListOptions extends RequestOptions {
  /** All namespaces when absent. */
  namespace?: string | undefined;
  labelSelector?: string | undefined;
  fieldSelector?: string | undefined;
  resourceVersion?: string | undefined;
  resourceVersionMatch?: 'Exact' | 'NotOlderThan' | undefined;
  limit?: number | undefined;
  continue?: string | undefined;
}

export interface ListResult<T> {
  items: T[];
  resourceVersion: string;
  /** Given back as `continue` to get the next page; absent on the last one. */
  continue?: string | undefined;
}

export interface WatchOptions extends Omit<ListOptions, 'limit' | 'continue'> {
  /** The server ends the watch after so long. */
  timeoutSeconds?: number | undefined;
  /** Bookmarks arrive as events of their own type. Default true. */
  allowBookmarks?: boolean | undefined;
  sendInitialEvents?: boolean | undefined;
  /** Told each time bytes arrive. */
  onBytes?: (() => void) | undefined;
  /** Told once the server has accepted the watch. */
  onOpen?: (() => void) | undefined;
}

export type WatchEventType = 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK';

export interface TypedWatchEvent<T> {
  type: WatchEventType;
  object: T;
}

export interface PatchOptions extends WriteOptions {
  /** Default `merge`. */
  type?: 'json' | 'merge' | 'strategic' | 'apply' | undefined;
  subresource?: string | undefined;
  force?: boolean | undefined;
}

export type DeleteRequest = RequestOptions & Omit<DeleteOptions, 'kind' | 'apiVersion'>;

type Query = Record<string, string | number | boolean | undefined>;

interface Call extends RequestOptions {
  body?: unknown;
  contentType?: string | undefined;
  accept?: string | undefined;
  query?: Query | undefined;
}

const PATCH_TYPES = {
  json: 'application/json-patch+json',
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  apply: 'application/apply-patch+yaml',
};
const REQUEST_TIMEOUT_MS = 30_000;
/** A live watch carries a bookmark about once a minute; one without for so long is dead. */
const WATCH_SILENCE_MS = 150_000;
const RETRIES = 5;
/** Repeating these changes nothing more: the second is a 404 or a 409 at worst. */
const IDEMPOTENT = new Set(['GET', 'PUT', 'DELETE']);

export class ApiClient implements Disposable {
  readonly config: ClientConfig;
  readonly #http: HttpConnections;

  constructor(config: ClientConfig) {
    this.config = config;
    this.#http = new HttpConnections(config);
  }

  get<T extends KubeObject>(kind: Resource<T>, key: ObjectKey, options: RequestOptions = {}): Promise<T> {
    return this.request<T>('GET', pathOf(kind, key.namespace, key.name), options);
  }

  async list<T extends KubeObject>(kind: Resource<T>, options: ListOptions = {}): Promise<ListResult<T>> {
    const { namespace, signal, ...query } = options;
    const list = await this.request<{ metadata?: ListMeta; items?: T[] | null }>(
      'GET',
      pathOf(kind, namespace),
      {
        query,
        signal,
      },
    );
    const next = list.metadata?.continue;
    return {
      items: list.items ?? [],
      resourceVersion: list.metadata?.resourceVersion ?? '',
      ...(next ? { continue: next } : {}),
    };
  }

  /** Creates the object in the namespace of its metadata; returns it as stored. */
  create<T extends KubeObject>(kind: Resource<T>, object: T, options: WriteOptions = {}): Promise<T> {
    return this.request<T>('POST', pathOf(kind, object.metadata?.namespace), {
      body: typed(kind, object),
      ...writeCall(options),
    });
  }

  /** Replaces the object; with a resourceVersion in its metadata only if it did not change meanwhile. */
  update<T extends KubeObject>(kind: Resource<T>, object: T, options: WriteOptions = {}): Promise<T> {
    return this.#put(kind, object, undefined, options);
  }

  updateStatus<T extends KubeObject>(kind: Resource<T>, object: T, options: WriteOptions = {}): Promise<T> {
    return this.#put(kind, object, 'status', options);
  }

  /** Replaces through any subresource, for example a namespace's `finalize`. */
  updateSubresource<T extends KubeObject>(
    kind: Resource<T>,
    object: T,
    subresource: string,
    options: WriteOptions = {},
  ): Promise<T> {
    return this.#put(kind, object, subresource, options);
  }

  /** Posts `body` to a subresource, for example a pod's `binding`. */
  createSubresource<R>(
    kind: Resource,
    key: ObjectKey,
    subresource: string,
    body: unknown,
    options: WriteOptions = {},
  ): Promise<R> {
    return this.request<R>('POST', pathOf(kind, key.namespace, key.name, subresource), {
      body,
      ...writeCall(options),
    });
  }

  patch<T extends KubeObject>(
    kind: Resource<T>,
    key: ObjectKey,
    patch: unknown,
    options: PatchOptions = {},
  ): Promise<T> {
    const { type = 'merge', subresource, force, ...write } = options;
    const call = writeCall(write);
    return this.request<T>('PATCH', pathOf(kind, key.namespace, key.name, subresource), {
      ...call,
      body: patch,
      contentType: PATCH_TYPES[type],
      query: { ...call.query, force },
    });
  }

  /** Resolves with the deleted object, the object waiting for its finalizers, or a Status. */
  delete<T extends KubeObject>(
    kind: Resource<T>,
    key: ObjectKey,
    options: DeleteRequest = {},
  ): Promise<T | Status> {
    const { signal, ...body } = options;
    return this.request('DELETE', pathOf(kind, key.namespace, key.name), { signal, body: deleteBody(body) });
  }

  async deleteCollection(
    kind: Resource,
    selection: Omit<ListOptions, 'signal'>,
    options: DeleteRequest = {},
  ): Promise<void> {
    const { signal, ...body } = options;
    const { namespace, ...query } = selection;
    await this.request('DELETE', pathOf(kind, namespace), { signal, query, body: deleteBody(body) });
  }

  /** A token of a service account. */
  createToken(
    account: { namespace: string; name: string },
    spec: Partial<TokenRequestSpec>,
    options: RequestOptions = {},
  ): Promise<TokenRequest> {
    const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec };
    return this.createSubresource(SERVICE_ACCOUNTS, account, 'token', body, options);
  }

  /**
   * Watches until the server ends the stream (then resolves). Rejects with StatusError when the server refuses
   * or sends an ERROR event (410: the resourceVersion is too old), with ConnectionError when the connection breaks.
   */
  async watch<T extends KubeObject>(
    kind: Resource<T>,
    options: WatchOptions,
    onEvent: (event: TypedWatchEvent<T>) => void,
  ): Promise<void> {
    const { namespace, signal, onBytes, onOpen, allowBookmarks = true, ...rest } = options;
    const query = { ...rest, watch: true, allowWatchBookmarks: allowBookmarks };
    const path = pathOf(kind, namespace) + queryText(query);
    const what = `watch ${path}`;
    const response = await this.#http.send({
      method: 'GET',
      path,
      signal,
      idleTimeoutMs: WATCH_SILENCE_MS,
      stream: true,
    });
    if (response.status !== 200) throw await this.#refusal(response, what);
    onBytes?.();
    onOpen?.();
    const take = (event: unknown) => {
      const { type, object } = event as { type: string; object: unknown };
      if (type === 'ERROR') throw new StatusError(object as Status);
      onEvent({ type: type as WatchEventType, object: object as T });
    };
    await readEvents(response.message, what, take, onBytes).catch((error: unknown) => {
      throw signal?.aborted ? signal.reason : error;
    });
  }

  /** Any request; resolves with the decoded JSON answer. The typed methods above are built on it. */
  async request<R>(method: string, path: string, call: Call = {}): Promise<R> {
    const text = await this.requestText(method, path, call);
    try {
      return (text === '' ? {} : JSON.parse(text)) as R;
    } catch (cause) {
      throw new ConnectionError(`${method} ${path}: the answer is not JSON`, cause);
    }
  }

  /** As `request()`, with the answer as text, for example of `/version` or a log. */
  async requestText(method: string, path: string, call: Call = {}): Promise<string> {
    const full = path + queryText(call.query);
    const what = `${method} ${full}`;
    const body = call.body === undefined ? undefined : JSON.stringify(call.body);
    for (let attempt = 1; ; attempt++) {
      try {
        const { contentType, accept, signal } = call;
        const response = await this.#http.send({
          method,
          path: full,
          body,
          contentType,
          accept,
          signal,
          idleTimeoutMs: REQUEST_TIMEOUT_MS,
        });
        if (response.status === 429 && attempt <= RETRIES) {
          response.message.resume();
          await pause((response.retryAfterSeconds ?? 1) * 1000, signal);
          continue;
        }
        if (response.status >= 300) throw await this.#refusal(response, what);
        return await readText(response.message, what);
      } catch (error) {
        if (attempt > RETRIES || !isBroken(error) || !IDEMPOTENT.has(method)) throw error;
        await pause(10 * 2 ** attempt * (0.5 + Math.random()), call.signal);
      }
    }
  }

  #put<T extends KubeObject>(
    kind: Resource<T>,
    object: T,
    subresource: string | undefined,
    options: WriteOptions,
  ): Promise<T> {
    const { namespace, name = '' } = object.metadata ?? {};
    return this.request<T>('PUT', pathOf(kind, namespace, name, subresource), {
      body: typed(kind, object),
      ...writeCall(options),
    });
  }

  /** The server's Status as an error; one is made up when the answer is none (for example a proxy's page). */
  async #refusal(response: HttpResponse, what: string): Promise<Error> {
    const text = await readText(response.message, what);
    let status: Status | undefined;
    try {
      const body = JSON.parse(text) as Status;
      if (body.kind === 'Status') status = body;
    } catch {
      // Not JSON: reported below with the text as it came.
    }
    status ??= {
      status: 'Failure',
      code: response.status,
      message: `${what}: HTTP ${response.status} ${text.slice(0, 300)}`,
    };
    return new StatusError({ ...status, code: status.code ?? response.status });
  }

  /** Closes every connection; requests and watches under way fail. */
  [Symbol.dispose](): void {
    this.#http[Symbol.dispose]();
  }
}

/** True for a connection that the server closed while it was idle or that broke: worth another try. */
function isBroken(error: unknown): boolean {
  return error instanceof ConnectionError && (error.code === 'ECONNRESET' || error.code === 'EPIPE');
}

function typed<T extends KubeObject>(kind: Resource<T>, object: T): T {
  if (object.kind !== undefined && object.apiVersion !== undefined) return object;
  const apiVersion = kind.group === '' ? kind.version : `${kind.group}/${kind.version}`;
  return { ...object, apiVersion, kind: kind.kind };
}

function deleteBody(body: Omit<DeleteRequest, 'signal'>): unknown {
  return Object.keys(body).length === 0 ? undefined : { apiVersion: 'v1', kind: 'DeleteOptions', ...body };
}

function writeCall(options: WriteOptions): Call {
  const { signal, dryRun, fieldManager, fieldValidation } = options;
  return { signal, query: { dryRun: dryRun ? 'All' : undefined, fieldManager, fieldValidation } };
}

function queryText(query: Query | undefined): string {
  if (query === undefined) return '';
  let text = '';
  for (const [name, value] of Object.entries(query)) {
    if (value === undefined || value === '') continue;
    text += `${text === '' ? '?' : '&'}${name}=${encodeURIComponent(value)}`;
  }
  return text;
}
