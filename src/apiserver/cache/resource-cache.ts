import { Entry } from './entry.ts';
import { SortedKeys } from './sorted-keys.ts';

export type EventType = 'ADDED' | 'MODIFIED' | 'DELETED';

/** One change of one object. */
export interface CacheEvent {
  readonly type: EventType;
  readonly revision: number;
  /** The object after the change; of a deletion: its last state, at the revision of the deletion. */
  readonly entry: Entry;
  readonly previous: Entry | undefined;
}

/** History before `oldest` is no longer there. */
export class ExpiredError extends Error {
  override readonly name = 'ExpiredError';
  readonly oldest: number;

  constructor(revision: number, oldest: number) {
    super(`too old resource version: ${revision} (${oldest})`);
    this.oldest = oldest;
  }
}

/** More events than this, or larger ones, are not kept, however young. */
const MAX_EVENTS = 100_000;
const MAX_EVENT_BYTES = 16 * 1024 * 1024;

/** All objects of one resource, now and in the recent past. Fed by storage, so it shows only what is durable. */
export class ResourceCache {
  readonly #entries = new Map<string, Entry>();
  readonly #keys = new SortedKeys();
  readonly #handlers = new Set<(event: CacheEvent) => void>();
  #events: CacheEvent[] = [];
  #eventBytes = 0;
  #oldest: number;

  constructor(oldest: number) {
    this.#oldest = oldest;
  }

  /** Fills the cache at start, without events. */
  load(key: string, stored: string, revision: number): void {
    this.#entries.set(key, new Entry(key, stored, revision));
    this.#keys.add(key);
  }

  /** Takes one committed change and tells the handlers. */
  apply(key: string, stored: string | undefined, revision: number): void {
    const event = this.#change(key, stored, revision);
    if (event === undefined) return;
    this.#events.push(event);
    this.#eventBytes += event.entry.bytes.length;
    if (this.#events.length > MAX_EVENTS || this.#eventBytes > MAX_EVENT_BYTES) this.#forgetTenth();
    for (const handler of this.#handlers) handler(event);
    event.previous?.forgetObject();
  }

  get(key: string): Entry | undefined {
    return this.#entries.get(key);
  }

  get size(): number {
    return this.#entries.size;
  }

  /** The current objects in order of their keys, of one namespace or of all. */
  list(namespace?: string): Entry[] {
    const keys = this.#keys.withPrefix(namespace === undefined ? '' : `${namespace}/`);
    return keys.map((key) => this.#entries.get(key)).filter((entry) => entry !== undefined);
  }

  /** The objects as they were at `revision`. Throws `ExpiredError`. */
  listAt(revision: number, namespace?: string): Entry[] {
    const newer = this.eventsAfter(revision);
    if (newer.length === 0) return this.list(namespace);
    const state = new Map(this.#entries);
    for (const { entry, previous } of newer.toReversed()) {
      if (previous === undefined) state.delete(entry.key);
      else state.set(entry.key, previous);
    }
    const prefix = namespace === undefined ? '' : `${namespace}/`;
    return [...state.values()]
      .filter((entry) => entry.key.startsWith(prefix))
      .sort((a, b) => (a.key < b.key ? -1 : 1));
  }

  /** What changed after `revision`, oldest first. Throws `ExpiredError` when history does not reach back so far. */
  eventsAfter(revision: number): CacheEvent[] {
    if (revision < this.#oldest) throw new ExpiredError(revision, this.#oldest);
    let low = 0;
    let high = this.#events.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#events[middle]?.revision ?? 0) > revision) high = middle;
      else low = middle + 1;
    }
    return this.#events.slice(low);
  }

  onEvent(handler: (event: CacheEvent) => void): Disposable {
    this.#handlers.add(handler);
    return { [Symbol.dispose]: () => void this.#handlers.delete(handler) };
  }

  /** Drops history up to and including `revision`. */
  forget(revision: number): void {
    if (revision <= this.#oldest) return;
    this.#events = this.#events.filter((event) => event.revision > revision);
    this.#eventBytes = this.#events.reduce((sum, event) => sum + event.entry.bytes.length, 0);
    this.#oldest = revision;
  }

  #forgetTenth(): void {
    this.forget(this.#events[Math.floor(this.#events.length / 10)]?.revision ?? 0);
  }

  #change(key: string, stored: string | undefined, revision: number): CacheEvent | undefined {
    const previous = this.#entries.get(key);
    if (stored !== undefined) {
      const entry = new Entry(key, stored, revision);
      this.#entries.set(key, entry);
      if (previous === undefined) this.#keys.add(key);
      return { type: previous === undefined ? 'ADDED' : 'MODIFIED', revision, entry, previous };
    }
    if (previous === undefined) return undefined;
    this.#entries.delete(key);
    this.#keys.delete(key);
    return { type: 'DELETED', revision, entry: previous.at(revision), previous };
  }
}
