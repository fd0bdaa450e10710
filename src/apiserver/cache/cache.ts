/* oxlint-disable typescript/no-unnecessary-type-parameters -- the caller knows what a resource holds */
import type { KubeObject } from '#api/machinery/object.ts';
import type { ObjectChange, ObjectReader, ResourceName } from '#apiserver/reader.ts';
import type { Storage, StorageEvent, Write } from '#apiserver/storage/storage.ts';
import { type CacheEvent, ResourceCache } from './resource-cache.ts';

/** Key of an object in storage: `/services/default/web`, `/nodes/node-1`. */
export function storageKey(resource: ResourceName, key: string): string {
  return `/${resource}/${key}`;
}

/** Key of an object within its resource. */
export function objectKey(namespace: string | undefined, name: string): string {
  return namespace === undefined || namespace === '' ? name : `${namespace}/${name}`;
}

/** A compare-and-swap of one object. */
export interface ObjectWrite {
  readonly resource: ResourceName;
  readonly key: string;
  readonly stored: string | undefined;
  readonly expectedRevision: number;
}

/** Everything that is stored, in memory: the only reader and the only writer of the storage. */
export class Cache implements ObjectReader {
  readonly #storage: Storage;
  readonly #resources = new Map<ResourceName, ResourceCache>();
  readonly #afterCommit = new Set<(revision: number) => void>();
  #oldest = 0;
  #revision = 0;
  #watch: Disposable | undefined;

  private constructor(storage: Storage) {
    this.#storage = storage;
  }

  /** Loads the oldest state that storage still knows, then its history, so that watchers of before a restart can go on. */
  static async open(storage: Storage): Promise<Cache> {
    const cache = new Cache(storage);
    const { items, revision } = await storage.list({ prefix: '/', revision: storage.oldestRevision });
    cache.#oldest = revision;
    cache.#revision = revision;
    for (const { key, value, revision } of items) {
      const [resource, rest] = splitKey(key);
      cache.resource(resource).load(rest, value, revision);
    }
    cache.#watch = storage.watch(revision, (events) => cache.#take(events));
    return cache;
  }

  /** Revision of the newest change that the cache shows. */
  get revision(): number {
    return this.#revision;
  }

  resource(name: ResourceName): ResourceCache {
    let cache = this.#resources.get(name);
    if (cache === undefined) {
      cache = new ResourceCache(this.#oldest);
      this.#resources.set(name, cache);
    }
    return cache;
  }

  /** Writes all or, throwing `WriteConflict`, nothing; the cache shows the change when this resolves. */
  async write(...writes: readonly ObjectWrite[]): Promise<readonly number[]> {
    return this.#storage.write(
      writes.map(
        ({ resource, key, stored, expectedRevision }): Write => ({
          key: storageKey(resource, key),
          value: stored,
          expectedRevision,
        }),
      ),
    );
  }

  get<T extends KubeObject>(
    resource: ResourceName,
    namespace: string | undefined,
    name: string,
  ): T | undefined {
    return this.resource(resource).get(objectKey(namespace, name))?.object as T | undefined;
  }

  list<T extends KubeObject>(resource: ResourceName, namespace?: string): T[] {
    return this.resource(resource)
      .list(namespace)
      .map((entry) => entry.object as T);
  }

  onChange<T extends KubeObject>(
    resource: ResourceName,
    handler: (change: ObjectChange<T>) => void,
  ): Disposable {
    return this.resource(resource).onEvent(({ type, entry, previous }: CacheEvent) =>
      handler({ type, object: entry.object as T, previous: previous?.object as T | undefined }),
    );
  }

  /** Calls `handler` once per batch of changes, after all of them have been told. */
  onCommit(handler: (revision: number) => void): Disposable {
    this.#afterCommit.add(handler);
    return { [Symbol.dispose]: () => void this.#afterCommit.delete(handler) };
  }

  /** Drops history up to `revision`, in memory and in storage. */
  async forget(revision: number): Promise<void> {
    this.#oldest = Math.max(this.#oldest, revision);
    for (const cache of this.#resources.values()) cache.forget(revision);
    await this.#storage.compact(revision);
  }

  async close(): Promise<void> {
    this.#watch?.[Symbol.dispose]();
    await this.#storage.close();
  }

  #take(events: readonly StorageEvent[]): void {
    for (const { key, value, revision } of events) {
      const [resource, rest] = splitKey(key);
      this.#revision = revision;
      this.resource(resource).apply(rest, value, revision);
    }
    for (const handler of this.#afterCommit) handler(this.#revision);
  }
}

function splitKey(key: string): [ResourceName, string] {
  const slash = key.indexOf('/', 1);
  return [key.slice(1, slash), key.slice(slash + 1)];
}
