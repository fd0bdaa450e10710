import { MARKS, type Mark } from './marks.ts';
import { CONTROL_WORDS, ControlWord, type FrontData, MAX_TALLIES } from './messages.ts';

/** Memory that a front shares with the main thread, and what the main thread knows of its copies. */
export class FrontMemory {
  readonly shared: Pick<FrontData, 'control' | 'tallies' | 'hits'> = {
    control: new SharedArrayBuffer(CONTROL_WORDS * Int32Array.BYTES_PER_ELEMENT),
    tallies: new SharedArrayBuffer(MAX_TALLIES * Float64Array.BYTES_PER_ELEMENT),
    hits: new SharedArrayBuffer(MARKS * Float64Array.BYTES_PER_ELEMENT),
  };
  readonly #control = new Int32Array(this.shared.control);
  readonly #tallies = new Float64Array(this.shared.tallies);
  readonly #hits = new Float64Array(this.shared.hits);
  readonly #collected = new Float64Array(MAX_TALLIES);
  /** The version that was copied last, by slot. */
  #copied = new Int32Array(MARKS);

  /** A new thread has no copies, and has been told nothing. */
  forgetCopies(): void {
    this.#copied = new Int32Array(MARKS);
    for (const word of [ControlWord.POSTED, ControlWord.HANDED_OVER, ControlWord.TAKEN])
      Atomics.store(this.#control, word, 0);
  }

  /** How often queries came, one or several at once. */
  get batches(): number {
    return Atomics.load(this.#control, ControlWord.BATCHES) >>> 0;
  }

  /** Queries that were dropped, since too many waited for the main thread. */
  get dropped(): number {
    return Atomics.load(this.#control, ControlWord.DROPPED) >>> 0;
  }

  rememberCopy({ slot, version }: Mark): void {
    this.#copied[slot] = version;
  }

  remembers({ slot, version }: Mark): boolean {
    return this.#copied[slot] === version;
  }

  countTaken(): void {
    Atomics.add(this.#control, ControlWord.TAKEN, 1);
  }

  /** How often copies under this slot were given, ever. */
  hitsOf(slot: number): number {
    return this.#hits[slot] ?? 0;
  }

  /** By how much a tally has grown since the last call. */
  grown(tally: number): number {
    const value = this.#tallies[tally] ?? 0;
    const before = this.#collected[tally] ?? 0;
    this.#collected[tally] = value;
    return value - before;
  }
}
