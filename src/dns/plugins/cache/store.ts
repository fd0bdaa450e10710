import type { TableEntry } from '#dns/kept-answer.ts';
import { type PreparedAnswer, retire } from '#wire/dns-answer.ts';
import { ttlOffsets } from '#wire/dns-answer-bytes.ts';

/** An answer as it is kept: as bytes, so that giving it out is a copy. */
export interface CacheEntry {
  readonly prepared: PreparedAnswer;
  readonly flags: number;
  readonly storedMs: number;
  readonly share: 'success' | 'denial';
  /** Seconds from storing; also the TTL that all its records began with. */
  readonly lifetime: number;
  readonly ttlOffsets: readonly number[];
  /** The TTL that is written in its records now. */
  writtenTtl: number;
  /** For prefetching: hits without a long pause between them. */
  hits: number;
  lastHitMs: number;
  /** The same answer in tables, with hits of its own. */
  tabled: readonly TableEntry[];
  refreshing: boolean;
}

export function cacheEntry(
  prepared: PreparedAnswer,
  flags: number,
  storedMs: number,
  lifetime: number,
  share: CacheEntry['share'],
): CacheEntry {
  return {
    prepared,
    flags,
    storedMs,
    lifetime,
    share,
    ttlOffsets: ttlOffsets(prepared),
    writtenTtl: lifetime,
    hits: 0,
    lastHitMs: storedMs,
    tabled: [],
    refreshing: false,
  };
}

/** Writes a TTL into all records. */
export function writeTtl(entry: CacheEntry, ttl: number): void {
  if (entry.writtenTtl === ttl) return;
  for (const tail of entry.prepared.tails) {
    for (const offset of entry.ttlOffsets) tail.writeUInt32BE(ttl, offset);
  }
  entry.writtenTtl = ttl;
}

/** On average, so that a few large answers are no harm and many are. */
const BYTES_PER_ENTRY = 2048;
/** What an entry takes besides its bytes, about. */
const ENTRY_OVERHEAD = 400;

/** Entries by question, the longest unused first to go when there are too many, or too many bytes. */
export class CacheStore {
  readonly #entries = new Map<string, CacheEntry>();
  readonly #capacity: number;
  readonly #maxBytes: number;
  #bytes = 0;
  evictions = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
    this.#maxBytes = capacity * BYTES_PER_ENTRY;
  }

  get size(): number {
    return this.#entries.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Counts as use. */
  get(key: string): CacheEntry | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    return entry;
  }

  set(key: string, entry: CacheEntry): void {
    this.delete(key);
    this.#entries.set(key, entry);
    this.#bytes += sizeOf(key, entry);
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= this.#capacity && this.#bytes <= this.#maxBytes) break;
      this.delete(oldest);
      this.evictions++;
    }
  }

  delete(key: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    retire(entry.prepared);
    this.#entries.delete(key);
    this.#bytes -= sizeOf(key, entry);
  }
}

function sizeOf(key: string, { prepared }: CacheEntry): number {
  return prepared.tails.reduce((sum, tail) => sum + tail.length, key.length + ENTRY_OVERHEAD);
}
