import type { DatabaseSync } from 'node:sqlite';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { openDatabase } from './sqlite-schema.ts';
import { prepareStatements, type Statements } from './sqlite-statements.ts';
import {
  CompactedError,
  endOfPrefix,
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

/** Revisions that compaction looks at between two turns of the event loop. */
const COMPACTION_STEP = 1000;

/** A storage in one SQLite file. All writes of one turn of the event loop share a transaction. */
export function openSqliteStorage(path: string): Storage {
  return new SqliteStorage(openDatabase(path));
}

/** What a write puts an end to: revision 0 where there was nothing. */
interface Replaced {
  readonly revision: number;
  readonly value: string | undefined;
}

/** The open transaction. `done` settles when it is committed. */
interface Batch {
  readonly events: StorageEvent[];
  readonly done: Promise<void>;
  readonly commit: () => void;
  /** Runs what inserts rows; when it fails the whole batch fails, since half a write must not be committed. */
  readonly append: <T>(insert: () => T) => T;
}

class SqliteStorage implements Storage {
  readonly #database: DatabaseSync;
  readonly #sql: Statements;
  readonly #watchers = new Watchers();
  #revision: number;
  #lastAssigned: number;
  #compacted: number;
  #batch: Batch | undefined;
  #closed = false;

  constructor(database: DatabaseSync) {
    this.#database = database;
    this.#sql = prepareStatements(database);
    this.#compacted = this.#sql.compacted();
    this.#revision = Math.max(1, this.#compacted, this.#sql.newestRevision());
    this.#lastAssigned = this.#revision;
  }

  get revision(): number {
    return this.#revision;
  }

  get oldestRevision(): number {
    return Math.max(1, this.#compacted);
  }

  async get(key: string): Promise<Stored | undefined> {
    this.#batch?.commit();
    const row = this.#sql.newest(key);
    return row === undefined || row.value === null
      ? undefined
      : { key, value: row.value, revision: row.revision };
  }

  async list({ prefix, after = '', limit, revision }: ListOptions): Promise<ListResult> {
    this.#batch?.commit();
    const at = revision ?? this.#revision;
    this.#checkHistory(at);
    const from = after > prefix ? after : prefix;
    const items = this.#sql.listAt(from, endOfPrefix(prefix), at, limit === undefined ? -1 : limit + 1);
    const more = limit !== undefined && items.length > limit;
    return { items: more ? items.slice(0, limit) : items, revision: at, more };
  }

  async write(writes: readonly Write[]): Promise<readonly number[]> {
    if (this.#closed) throw new StorageError('the storage is closed');
    const batch = (this.#batch ??= this.#begin());
    let replaced: Replaced[];
    try {
      replaced = writes.map((write) => this.#compare(write));
    } catch (conflict) {
      // It may be with a write of this same open batch. Told before the commit, a caller that reads again
      // would still see the old state and conflict for ever, and the batch would never get its turn.
      await batch.done.catch(() => {});
      throw conflict;
    }
    const revisions = batch.append(() => writes.map((write, i) => this.#append(batch, write, replaced[i])));
    await batch.done;
    return revisions;
  }

  watch(revision: number, onEvents: (events: readonly StorageEvent[]) => void): Disposable {
    this.#batch?.commit();
    this.#checkHistory(revision);
    const missed = this.#sql.eventsAfter(revision);
    if (missed.length > 0) onEvents(missed);
    return this.#watchers.add(onEvents);
  }

  async compact(revision: number): Promise<void> {
    const upTo = Math.min(revision, this.#revision);
    while (this.#compacted < upTo && !this.#closed) {
      this.#batch?.commit();
      const next = Math.min(this.#compacted + COMPACTION_STEP, upTo);
      this.#transaction(() => this.#sql.compact(this.#compacted, next));
      this.#compacted = next;
      await nextTurn();
    }
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#batch?.commit();
    this.#closed = true;
    this.#watchers.clear();
    this.#database.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #begin(): Batch {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    // Whoever wrote awaits `done`; a batch whose every write conflicted has nobody.
    promise.catch(() => {});
    const events: StorageEvent[] = [];
    this.#database.exec('BEGIN IMMEDIATE');
    const fail = (cause: unknown): StorageError => {
      this.#batch = undefined;
      this.#rollBack();
      const error = new StorageError(`cannot write: ${String(cause)}`, { cause });
      reject(error);
      return error;
    };
    const commit = () => {
      if (this.#batch !== batch) return;
      try {
        this.#database.exec('COMMIT');
      } catch (error) {
        fail(error);
        return;
      }
      this.#batch = undefined;
      this.#revision = this.#lastAssigned;
      this.#watchers.notify(events);
      resolve();
    };
    const append = <T>(insert: () => T): T => {
      try {
        return insert();
      } catch (error) {
        throw fail(error);
      }
    };
    const batch: Batch = { events, done: promise, commit, append };
    setImmediate(commit);
    return batch;
  }

  #rollBack(): void {
    this.#lastAssigned = this.#revision;
    if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
  }

  #compare({ key, expectedRevision }: Write): Replaced {
    const row = this.#sql.newest(key);
    const actual = row === undefined || row.value === null ? 0 : row.revision;
    if (actual !== expectedRevision) throw new WriteConflict(key, expectedRevision, actual);
    return { revision: row?.revision ?? 0, value: row?.value ?? undefined };
  }

  #append(batch: Batch, { key, value }: Write, replaced: Replaced | undefined): number {
    const revision = ++this.#lastAssigned;
    this.#sql.append(revision, key, value ?? null, replaced?.revision ?? 0);
    batch.events.push({ key, revision, value, previous: replaced?.value });
    return revision;
  }

  #transaction(work: () => void): void {
    this.#database.exec('BEGIN IMMEDIATE');
    try {
      work();
      this.#database.exec('COMMIT');
    } catch (error) {
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
      throw new StorageError(`cannot write: ${String(error)}`, { cause: error });
    }
  }

  #checkHistory(revision: number): void {
    if (revision < this.#compacted) throw new CompactedError(revision, this.#compacted);
  }
}
