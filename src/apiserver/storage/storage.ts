/** A key's value at one revision. Values are JSON texts; the storage does not look into them. */
export interface Stored {
  readonly key: string;
  readonly value: string;
  readonly revision: number;
}

/** One change, in the order of revisions. */
export interface StorageEvent {
  readonly key: string;
  readonly revision: number;
  /** Undefined: the key was deleted. */
  readonly value: string | undefined;
  /** The value before; undefined when the key is new, or when history no longer has it. */
  readonly previous: string | undefined;
}

/** A compare-and-swap of one key. */
export interface Write {
  readonly key: string;
  /** Undefined deletes the key. */
  readonly value: string | undefined;
  /** The revision that the key must have now; 0: it must not exist. */
  readonly expectedRevision: number;
}

export interface ListOptions {
  readonly prefix: string;
  /** Only keys greater than this one. */
  readonly after?: string | undefined;
  /** Default: all. */
  readonly limit?: number | undefined;
  /** The state as it was at this revision. Default: now. */
  readonly revision?: number | undefined;
}

export interface ListResult {
  readonly items: readonly Stored[];
  /** The revision of the whole storage that the items show. */
  readonly revision: number;
  readonly more: boolean;
}

/**
 * Where objects live: keys and values under one strictly increasing revision, with history.
 * Every implementation passes the suite in `storage-contract.ts`.
 */
export interface Storage extends AsyncDisposable {
  /** The newest committed revision; 1 in an empty storage. */
  readonly revision: number;
  /** The oldest revision that history reaches back to: `list` and `watch` accept it and what is newer. */
  readonly oldestRevision: number;
  get(key: string): Promise<Stored | undefined>;
  /** Ordered by key. Throws `CompactedError` for a revision that history no longer has. */
  list(options: ListOptions): Promise<ListResult>;
  /**
   * Does all of `writes` or, throwing `WriteConflict`, none. Resolves with their revisions (a new
   * one each, in order) when they are durable and all watchers have seen them. A conflict is told
   * when all watchers have seen the write it is with: to read again and retry always makes progress.
   */
  write(writes: readonly Write[]): Promise<readonly number[]>;
  /**
   * Every change after `revision`, first those of the past, then new ones as they are committed,
   * each batch before its `write` resolves. Throws `CompactedError` when history begins later.
   */
  watch(revision: number, onEvents: (events: readonly StorageEvent[]) => void): Disposable;
  /** Forgets history up to and including `revision`; current values stay. Never blocks for long. */
  compact(revision: number): Promise<void>;
  /** Writes what is pending and closes; later calls fail. */
  close(): Promise<void>;
}

/** A key was not at the revision that a write expected. */
export class WriteConflict extends Error {
  override readonly name = 'WriteConflict';
  readonly key: string;
  /** The key's revision now; 0: it does not exist. */
  readonly actualRevision: number;

  constructor(key: string, expectedRevision: number, actualRevision: number) {
    super(`${key} is at revision ${actualRevision}, expected ${expectedRevision}`);
    this.key = key;
    this.actualRevision = actualRevision;
  }
}

/** History before `oldest` is gone. */
export class CompactedError extends Error {
  override readonly name = 'CompactedError';
  readonly oldest: number;

  constructor(revision: number, oldest: number) {
    super(`revision ${revision} has been compacted, history begins at ${oldest}`);
    this.oldest = oldest;
  }
}

/** The storage cannot be opened or has failed; the message names the file and what would be right. */
export class StorageError extends Error {
  override readonly name = 'StorageError';
}

/** The first string that sorts after everything that begins with `prefix`. Keys are ASCII. */
export function endOfPrefix(prefix: string): string {
  return `${prefix}\u{10ffff}`;
}
