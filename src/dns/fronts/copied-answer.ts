import type { TableAnswer } from '#dns/kept-answer.ts';
import type { PreparedAnswer } from '#wire/dns-answer.ts';
import type { CopiedAnswer } from './messages.ts';

/** A copy of another thread's answer: it becomes stale where that one does, at once. */
export class CopiedPreparedAnswer implements PreparedAnswer {
  readonly rcode: number;
  readonly counts: readonly [number, number, number];
  readonly tails: readonly Buffer[];
  readonly ends: readonly number[];
  turn = 0;
  onStale: undefined;
  readonly #marks: Int32Array;
  readonly #slot: number;
  readonly #version: number;

  constructor({ rcode, counts, tails, turns, ends, slot, version }: CopiedAnswer, marks: Int32Array) {
    this.rcode = rcode;
    this.counts = counts;
    const size = tails.length / turns;
    this.tails = Array.from({ length: turns }, (_, turn) =>
      Buffer.from(tails.buffer, tails.byteOffset + turn * size, size),
    );
    this.ends = ends;
    this.#marks = marks;
    this.#slot = slot;
    this.#version = version;
  }

  get stale(): boolean {
    return Atomics.load(this.#marks, this.#slot) !== this.#version;
  }
}

/** A number in shared memory that only this thread counts up. */
export class SharedTally {
  readonly #values: Float64Array;
  readonly #index: number;

  constructor(values: Float64Array, index: number) {
    this.#values = values;
    this.#index = index;
  }

  get value(): number {
    return this.#values[this.#index] ?? 0;
  }

  set value(value: number) {
    this.#values[this.#index] = value;
  }
}

/** What a table keeps of a copy. */
export function tableAnswerOf(
  copied: CopiedAnswer,
  prepared: PreparedAnswer,
  counts: TableAnswer['counts'],
  tallies: TableAnswer['tallies'],
): TableAnswer {
  const { flags, untilMs, endMs, plainOnly } = copied;
  const lifetime = endMs === undefined ? undefined : { fromMs: endMs, seconds: 0 };
  return { prepared, flags, untilMs, lifetime, plainOnly, counts, tallies };
}
