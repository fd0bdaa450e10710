import type { PreparedAnswer } from '#wire/dns-answer.ts';
import type { Mark } from './marks.ts';
import type { CopiedBytes } from './messages.ts';

/** Whether what was copied under a mark is still true, by the memory of `Marks`. */
export function isTrue(marks: Int32Array, { slot, version }: Mark): boolean {
  return Atomics.load(marks, slot) === version;
}

/** A copy of another thread's answer: it becomes stale where that one does, at once. */
export class CopiedAnswer implements PreparedAnswer {
  readonly rcode: number;
  readonly counts: readonly [number, number, number];
  readonly tails: readonly Buffer[];
  readonly ends: readonly number[];
  turn = 0;
  onStale: undefined;
  readonly #marks: Int32Array;
  readonly #slot: number;
  readonly #version: number;

  constructor({ rcode, counts, tails, turns, ends, slot, version }: CopiedBytes, marks: Int32Array) {
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
