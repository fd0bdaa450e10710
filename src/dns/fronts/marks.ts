/** Answers that other threads may have copies of at once; more are not copied. */
export const MARKS = 1 << 18;

/** A slot in shared memory that says whether copies of one answer are still true: as long as it has this version. */
export interface Mark {
  readonly slot: number;
  readonly version: number;
}

/**
 * Which copies of answers are still true, in memory that all threads see: one that was taken back is not given any
 * more by anybody who looks afterwards. A slot changes its version with each use and each end of one, so what was
 * copied under an earlier version never looks true again.
 */
export class Marks {
  readonly memory = new SharedArrayBuffer(MARKS * Int32Array.BYTES_PER_ELEMENT);
  readonly #versions = new Int32Array(this.memory);
  readonly #free: number[] = [];
  #touched = 0;

  /** Undefined when all are taken. */
  take(): Mark | undefined {
    const slot = this.#free.pop() ?? (this.#touched < MARKS ? this.#touched++ : undefined);
    return slot === undefined ? undefined : { slot, version: Atomics.add(this.#versions, slot, 1) + 1 };
  }

  /** Ends a mark; one that has ended already is left alone. */
  withdraw({ slot, version }: Mark): void {
    const ended = (version + 1) | 0;
    if (Atomics.compareExchange(this.#versions, slot, version, ended) === version) this.#free.push(slot);
  }
}
