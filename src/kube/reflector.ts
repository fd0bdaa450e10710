/**
 * Keeps a picture of one kind up to date: list, then watch from there. A broken or ended watch goes on from the
 * last resourceVersion seen (bookmarks move it on quiet kinds); a version that is too old means listing again.
 */
import { type KubeObject, keyOf } from '#api/machinery/object.ts';
import { backoffMs } from './backoff.ts';
import type { ApiClient, WatchEventType, WatchOptions } from './client.ts';
import { isAborted, isGone, pause, StatusError } from './errors.ts';
import type { Resource } from './resources.ts';

/** Which objects to follow. */
export interface Selection {
  namespace?: string | undefined;
  labelSelector?: string | undefined;
  fieldSelector?: string | undefined;
}

/** Where the picture goes. Called in order, never two at a time. */
export interface ReflectorSink<T> {
  /** A whole new picture: what it lacks is gone. */
  replace(objects: T[]): void;
  /** The picture is whole now: every object but those of these keys is gone. */
  retain(keys: ReadonlySet<string>): void;
  upsert(object: T): void;
  remove(object: T): void;
}

export interface ReflectorOptions extends Selection {
  signal: AbortSignal;
  /** Lists in pages of so many. Default: in one piece, which the server answers from its cache. */
  pageSize?: number | undefined;
  /**
   * The first objects come one by one through the watch, so that the list is never in memory as a whole.
   * Servers that cannot do it (before Kubernetes 1.32, as a rule) are asked for a list instead.
   */
  streaming?: boolean | undefined;
  /** Told of each failure that is going to be retried. */
  onError?: ((error: Error) => void) | undefined;
}

const BACKOFF = { baseMs: 200, maxMs: 10_000 };
const INITIAL_EVENTS_END = 'k8s.io/initial-events-end';
/** The server is asked to end a watch after 5 to 10 minutes, so that many clients do not come back together. */
const WATCH_SECONDS = 300;

export class Reflector<T extends KubeObject> {
  /** When the server was heard last, in ms since 1970; 0 before the first answer. */
  lastContactMs = 0;
  /** The version up to which the picture is complete; undefined until the first list. */
  resourceVersion: string | undefined;
  readonly #client: ApiClient;
  readonly #resource: Resource<T>;
  readonly #sink: ReflectorSink<T>;
  readonly #options: ReflectorOptions;
  #failures = 0;
  #streaming: boolean;

  constructor(client: ApiClient, resource: Resource<T>, sink: ReflectorSink<T>, options: ReflectorOptions) {
    this.#client = client;
    this.#resource = resource;
    this.#sink = sink;
    this.#options = options;
    this.#streaming = options.streaming ?? false;
  }

  /** Runs until the signal fires; then resolves. */
  async run(): Promise<void> {
    const { signal } = this.#options;
    while (!signal.aborted) {
      try {
        if (this.resourceVersion !== undefined) await this.#watch(this.resourceVersion);
        else if (this.#streaming) await this.#stream();
        else await this.#list();
      } catch (error) {
        if (signal.aborted) return;
        await this.#recover(error as Error);
      }
    }
  }

  async #list(): Promise<void> {
    const { pageSize, namespace, labelSelector, fieldSelector, signal } = this.#options;
    const objects: T[] = [];
    let page = { resourceVersion: '', continue: undefined as string | undefined };
    do {
      const answer = await this.#client.list(this.#resource, {
        namespace,
        labelSelector,
        fieldSelector,
        signal,
        limit: pageSize,
        continue: page.continue,
        // Any version will do to begin with: the watch brings the rest. With pages the server must read storage.
        resourceVersion: pageSize === undefined && this.#failures === 0 ? '0' : undefined,
      });
      for (const item of answer.items) objects.push(item);
      page = { resourceVersion: answer.resourceVersion, continue: answer.continue };
    } while (page.continue !== undefined);
    this.lastContactMs = Date.now();
    this.#sink.replace(objects);
    this.resourceVersion = page.resourceVersion;
    this.#failures = 0;
  }

  /** A watch that begins with all objects there are, and a bookmark behind them. */
  async #stream(): Promise<void> {
    const seen = new Set<string>();
    const first = { sendInitialEvents: true, resourceVersionMatch: 'NotOlderThan' } as const;
    await this.#follow(first, (type, object) => {
      if (this.resourceVersion !== undefined) return true;
      if (type !== 'BOOKMARK') seen.add(keyOf(object));
      if (object.metadata?.annotations?.[INITIAL_EVENTS_END] !== 'true') return false;
      this.#sink.retain(seen);
      return true;
    });
  }

  async #watch(resourceVersion: string): Promise<void> {
    await this.#follow({ resourceVersion }, () => true);
  }

  /** `isWhole` says, after each event, whether the picture goes up to its version. */
  async #follow(
    from: Pick<WatchOptions, 'resourceVersion' | 'sendInitialEvents' | 'resourceVersionMatch'>,
    isWhole: (type: WatchEventType, object: T) => boolean,
  ): Promise<void> {
    const { namespace, labelSelector, fieldSelector, signal } = this.#options;
    const timeoutSeconds = Math.round(WATCH_SECONDS * (1 + Math.random()));
    const startedMs = Date.now();
    const selection = { namespace, labelSelector, fieldSelector, timeoutSeconds, signal, ...from };
    const onBytes = () => {
      this.lastContactMs = Date.now();
    };
    const onOpen = () => {
      this.#failures = 0;
      this.lastContactMs = Date.now();
    };
    await this.#client.watch(this.#resource, { ...selection, onBytes, onOpen }, ({ type, object }) => {
      if (type === 'ADDED' || type === 'MODIFIED') this.#sink.upsert(object);
      else if (type === 'DELETED') this.#sink.remove(object);
      if (isWhole(type, object))
        this.resourceVersion = object.metadata?.resourceVersion ?? this.resourceVersion;
    });
    // A server that ends each watch at once must not be asked in a tight loop.
    if (Date.now() - startedMs < 1000) await pause(backoffMs(this.#failures++, BACKOFF), signal);
  }

  async #recover(error: Error): Promise<void> {
    if (this.#streaming && this.resourceVersion === undefined && cannotStream(error)) {
      this.#streaming = false;
      return;
    }
    if (isGone(error)) this.resourceVersion = undefined;
    else if (!isAborted(error)) this.#options.onError?.(error);
    const waitMs = isGone(error) && this.#failures === 0 ? 0 : backoffMs(this.#failures, BACKOFF);
    this.#failures++;
    await pause(waitMs, this.#options.signal).catch(() => undefined);
  }
}

/** Servers refuse parameters that they know but do not offer. */
function cannotStream(error: Error): boolean {
  return error instanceof StatusError && (error.code === 400 || error.code === 422);
}
