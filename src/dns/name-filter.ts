import { randomInt } from 'node:crypto';
import { hashLabels } from '#wire/dns-plain-query.ts';

/** With 10,000 names in it, one in fifty of all others is taken for one of them. */
const COUNTER_BITS = 19;
/** Any odd number with bits all over. */
const SPREAD = 0x85ebca6b;
/** A counter that has come here stays: how many names share it is no longer known. */
const FULL = 255;

/** What a filter consists of. */
export interface SharedFilter {
  readonly memory: SharedArrayBuffer;
  /** Of this filter alone: nobody can prepare names that it takes for others. */
  readonly seed: number;
}

/**
 * Says of names whether they are certainly not in a set that changes: a counter per hash, no names. What it does
 * not know to be absent has to be looked up. Its size stays the same, whatever is put in or asked.
 */
export class NameFilter {
  /** By which other threads see the same names, at once. */
  readonly shared: SharedFilter;
  readonly #counters: Uint8Array;
  readonly #seed: number;

  /** An empty one, or, in a thread that only asks, that of another thread. */
  constructor(shared: SharedFilter = emptyFilter()) {
    this.shared = shared;
    this.#counters = new Uint8Array(shared.memory);
    this.#seed = shared.seed;
  }

  add(labels: readonly string[]): void {
    const index = this.#indexOf(wireForm(labels));
    const count = this.#counters[index] ?? 0;
    if (count < FULL) this.#counters[index] = count + 1;
  }

  /** Takes a name out that was added. */
  remove(labels: readonly string[]): void {
    const index = this.#indexOf(wireForm(labels));
    const count = this.#counters[index] ?? 0;
    if (count > 0 && count < FULL) this.#counters[index] = count - 1;
  }

  /** Whether the labels that lie in these bytes, of any case, are certainly not in the set. */
  lacks(bytes: Uint8Array, start: number, end: number): boolean {
    return this.#counters[indexOf(hashLabels(bytes, start, end, this.#seed))] === 0;
  }

  #indexOf(name: Uint8Array): number {
    return indexOf(hashLabels(name, 0, name.length, this.#seed));
  }
}

function emptyFilter(): SharedFilter {
  return { memory: new SharedArrayBuffer(1 << COUNTER_BITS), seed: randomInt(2 ** 32) | 0 };
}

/** Names that differ in a digit have hashes whose lower halves are alike: the upper ones spread them. */
function indexOf(hash: number): number {
  return Math.imul(hash ^ (hash >>> 16), SPREAD) >>> (32 - COUNTER_BITS);
}

/** Each label behind its length, without a zero at the end. */
function wireForm(labels: readonly string[]): Uint8Array {
  return Buffer.concat(
    labels.flatMap((label) => [Buffer.of(label.length & 0xff), Buffer.from(label, 'latin1')]),
  );
}
