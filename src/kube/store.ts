/** The objects of one kind in memory, with look-ups by what their fields say. */
import { type KubeObject, keyOf } from '#api/machinery/object.ts';

/** Names the buckets an object belongs to; an empty list keeps it out of the index. */
export type IndexFunction<T> = (object: T) => readonly string[];

/** What readers may do. Objects are shared: never change them, copy first. */
export interface ReadableStore<T> {
  readonly size: number;
  /** By `namespace/name`, or by name for kinds without namespaces. */
  get(key: string): T | undefined;
  list(): T[];
  values(): IterableIterator<T>;
  /** Objects that the index puts into `bucket`. Throws on an index that was never declared. */
  byIndex(index: string, bucket: string): T[];
}

interface Index<T> {
  of: IndexFunction<T>;
  buckets: Map<string, Map<string, T>>;
}

export class Store<T extends KubeObject> implements ReadableStore<T> {
  readonly #objects = new Map<string, T>();
  readonly #indexes = new Map<string, Index<T>>();

  constructor(indexes: Record<string, IndexFunction<T>> = {}) {
    for (const [name, of] of Object.entries(indexes)) this.addIndex(name, of);
  }

  get size(): number {
    return this.#objects.size;
  }

  get(key: string): T | undefined {
    return this.#objects.get(key);
  }

  list(): T[] {
    return [...this.#objects.values()];
  }

  values(): IterableIterator<T> {
    return this.#objects.values();
  }

  byIndex(index: string, bucket: string): T[] {
    const found = this.#indexes.get(index);
    if (found === undefined) throw new Error(`store has no index "${index}"`);
    const objects = found.buckets.get(bucket);
    return objects === undefined ? [] : [...objects.values()];
  }

  /** Declares an index, also over objects that are there already. A name declared before is kept as it is. */
  addIndex(name: string, of: IndexFunction<T>): void {
    if (this.#indexes.has(name)) return;
    const index: Index<T> = { of, buckets: new Map() };
    this.#indexes.set(name, index);
    for (const [key, object] of this.#objects) enter(index, key, object);
  }

  /** Puts the object in; returns the one it replaces. */
  set(object: T): T | undefined {
    const key = keyOf(object);
    const old = this.#objects.get(key);
    this.#objects.set(key, object);
    for (const index of this.#indexes.values()) {
      if (old !== undefined) leave(index, key, old);
      enter(index, key, object);
    }
    return old;
  }

  /** Takes the object out; returns it. */
  delete(key: string): T | undefined {
    const old = this.#objects.get(key);
    if (old === undefined) return undefined;
    this.#objects.delete(key);
    for (const index of this.#indexes.values()) leave(index, key, old);
    return old;
  }

  keys(): IterableIterator<string> {
    return this.#objects.keys();
  }
}

function enter<T>(index: Index<T>, key: string, object: T): void {
  for (const bucket of index.of(object)) {
    const objects = index.buckets.get(bucket);
    if (objects === undefined) index.buckets.set(bucket, new Map([[key, object]]));
    else objects.set(key, object);
  }
}

function leave<T>(index: Index<T>, key: string, object: T): void {
  for (const bucket of index.of(object)) {
    const objects = index.buckets.get(bucket);
    objects?.delete(key);
    if (objects?.size === 0) index.buckets.delete(bucket);
  }
}
