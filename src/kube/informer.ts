/** A store of one kind that follows the API server, and tells of changes. */
import { type KubeObject, keyOf } from '#api/machinery/object.ts';
import type { ApiClient } from './client.ts';
import { Reflector, type Selection } from './reflector.ts';
import type { Resource } from './resources.ts';
import { type IndexFunction, type ReadableStore, Store } from './store.ts';

/** Told of each change, after the store has it. Objects are shared: never change them. */
export interface ChangeHandler<T> {
  onAdd?: ((object: T) => void) | undefined;
  onUpdate?: ((object: T, old: T) => void) | undefined;
  onDelete?: ((object: T) => void) | undefined;
}

export interface InformerOptions<T> extends Selection {
  signal: AbortSignal;
  indexes?: Record<string, IndexFunction<T>> | undefined;
  /** Trims each object before it is kept, to save memory. May change and return its argument. */
  transform?: ((object: T) => T) | undefined;
  pageSize?: number | undefined;
  /** The first objects come one by one, each trimmed before the next: for kinds of which there are very many. */
  streaming?: boolean | undefined;
  /** Told of failures to reach the server (they are retried) and of handlers that throw. */
  onError?: ((error: Error) => void) | undefined;
}

export interface Informer<T extends KubeObject> {
  readonly resource: Resource<T>;
  readonly store: ReadableStore<T>;
  /** Resolves once the first list is in the store; rejects when the signal fires before. */
  readonly synced: Promise<void>;
  readonly hasSynced: boolean;
  /** When the server was heard last, in ms since 1970; 0 before the first answer. */
  readonly lastContactMs: number;
  /** Calls `onAdd` for the objects already there, then tells of changes; returns how to stop. */
  onChange(handler: ChangeHandler<T>): () => void;
  /** Declares a look-up; one of the same name declared before stays. */
  addIndex(name: string, of: IndexFunction<T>): void;
}

/** Starts following `resource`; ends with the signal. */
export function startInformer<T extends KubeObject>(
  client: ApiClient,
  resource: Resource<T>,
  options: InformerOptions<T>,
): Informer<T> {
  return new ReflectedInformer(client, resource, options);
}

class ReflectedInformer<T extends KubeObject> implements Informer<T> {
  readonly resource: Resource<T>;
  readonly store: Store<T>;
  readonly synced: Promise<void>;
  hasSynced = false;
  readonly #handlers = new Set<ChangeHandler<T>>();
  readonly #options: InformerOptions<T>;
  readonly #reflector: Reflector<T>;
  readonly #markSynced: () => void;

  constructor(client: ApiClient, resource: Resource<T>, options: InformerOptions<T>) {
    this.resource = resource;
    this.#options = options;
    this.store = new Store<T>(options.indexes);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.synced = promise;
    this.#markSynced = resolve;
    // Nobody need await it: an informer stopped early is no unhandled failure.
    promise.catch(() => undefined);
    options.signal.addEventListener('abort', () => reject(options.signal.reason as Error), { once: true });
    const sink = {
      replace: (objects: T[]) => this.#replace(objects),
      retain: (keys: ReadonlySet<string>) => this.#retain(keys),
      upsert: (object: T) => this.#upsert(object),
      remove: (object: T) => this.#remove(keyOf(object), object),
    };
    this.#reflector = new Reflector(client, resource, sink, options);
    void this.#reflector.run();
  }

  get lastContactMs(): number {
    return this.#reflector.lastContactMs;
  }

  onChange(handler: ChangeHandler<T>): () => void {
    this.#handlers.add(handler);
    if (handler.onAdd) for (const object of this.store.list()) this.#tell(() => handler.onAdd?.(object));
    return () => this.#handlers.delete(handler);
  }

  addIndex(name: string, of: IndexFunction<T>): void {
    this.store.addIndex(name, of);
  }

  #replace(objects: T[]): void {
    for (const object of objects) this.#upsert(object);
    this.#retain(new Set(objects.map(keyOf)));
  }

  #retain(keys: ReadonlySet<string>): void {
    for (const key of this.store.keys()) if (!keys.has(key)) this.#remove(key);
    this.hasSynced = true;
    this.#markSynced();
  }

  #upsert(received: T): void {
    const object = this.#options.transform?.(received) ?? received;
    const known = this.store.get(keyOf(object));
    // After a relist most objects are the ones we have.
    if (known !== undefined && known.metadata?.resourceVersion === object.metadata?.resourceVersion) return;
    if (known !== undefined && known.metadata?.uid !== object.metadata?.uid) this.#remove(keyOf(object));
    const old = this.store.set(object);
    for (const handler of this.#handlers) {
      this.#tell(() => (old === undefined ? handler.onAdd?.(object) : handler.onUpdate?.(object, old)));
    }
  }

  /** `last` is the object's final state where the server told it. */
  #remove(key: string, last?: T): void {
    const old = this.store.delete(key);
    if (old === undefined) return;
    const object = last === undefined ? old : (this.#options.transform?.(last) ?? last);
    for (const handler of this.#handlers) this.#tell(() => handler.onDelete?.(object));
  }

  #tell(call: () => void): void {
    try {
      call();
    } catch (error) {
      this.#options.onError?.(error as Error);
    }
  }
}
