import {
  CompactedError,
  type ListOptions,
  type ListResult,
  type Storage,
  StorageError,
  type StorageEvent,
  type Stored,
  type Write,
  WriteConflict,
} from './storage.ts';
import { Watchers } from './watchers.ts';

/** A storage without a file, for tests and throw-away servers. */
export function openMemoryStorage(): Storage {
  return new MemoryStorage();
}

class MemoryStorage implements Storage {
  #revision = 1;
  #compacted = 0;
  #closed = false;
  readonly #current = new Map<string, Stored>();
  readonly #history: StorageEvent[] = [];
  readonly #watchers = new Watchers();

  get revision(): number {
    return this.#revision;
  }

  get oldestRevision(): number {
    return Math.max(1, this.#compacted);
  }

  get(key: string): Promise<Stored | undefined> {
    return Promise.resolve(this.#current.get(key));
  }

  async list({
    prefix,
    after = '',
    limit = Infinity,
    revision = this.#revision,
  }: ListOptions): Promise<ListResult> {
    this.#checkHistory(revision);
    const items = [...this.#stateAt(revision).values()]
      .filter((item) => item.key.startsWith(prefix) && item.key > after)
      .sort((a, b) => (a.key < b.key ? -1 : 1));
    return { items: items.slice(0, limit), revision, more: items.length > limit };
  }

  async write(writes: readonly Write[]): Promise<readonly number[]> {
    if (this.#closed) throw new StorageError('the storage is closed');
    for (const { key, expectedRevision } of writes) {
      const actual = this.#current.get(key)?.revision ?? 0;
      if (actual !== expectedRevision) throw new WriteConflict(key, expectedRevision, actual);
    }
    const events = writes.map((write) => this.#apply(write));
    this.#history.push(...events);
    this.#watchers.notify(events);
    return events.map((event) => event.revision);
  }

  watch(revision: number, onEvents: (events: readonly StorageEvent[]) => void): Disposable {
    this.#checkHistory(revision);
    const missed = this.#history.filter((event) => event.revision > revision);
    if (missed.length > 0) onEvents(missed);
    return this.#watchers.add(onEvents);
  }

  async compact(revision: number): Promise<void> {
    const upTo = Math.min(revision, this.#revision);
    if (upTo <= this.#compacted) return;
    this.#compacted = upTo;
    const kept = this.#history.findIndex((event) => event.revision > upTo);
    this.#history.splice(0, kept < 0 ? this.#history.length : kept);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#watchers.clear();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #apply({ key, value }: Write): StorageEvent {
    const revision = ++this.#revision;
    const previous = this.#current.get(key)?.value;
    if (value === undefined) this.#current.delete(key);
    else this.#current.set(key, { key, value, revision });
    return { key, value, revision, previous };
  }

  #checkHistory(revision: number): void {
    if (revision < this.#compacted) throw new CompactedError(revision, this.#compacted);
  }

  /** The current state with the newer part of history undone. */
  #stateAt(revision: number): Map<string, Stored> {
    if (revision >= this.#revision) return this.#current;
    const state = new Map(this.#current);
    const revisionOf = new Map<string, number>();
    for (const event of this.#history)
      if (event.revision <= revision) revisionOf.set(event.key, event.revision);
    for (const { key, previous } of this.#history.filter((event) => event.revision > revision).reverse()) {
      if (previous === undefined) state.delete(key);
      else state.set(key, { key, value: previous, revision: revisionOf.get(key) ?? this.#compacted });
    }
    return state;
  }
}
