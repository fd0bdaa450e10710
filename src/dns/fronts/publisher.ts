import type { AnswerCounts } from '#dns/answer-counts.ts';
import type { AnswerTable } from '#dns/answer-table.ts';
import type { AnswerCopies, KeptAnswer } from '#dns/kept-answer.ts';
import type { Front } from './front.ts';
import { type Mark, Marks } from './marks.ts';
import { type CopiedAnswer, MAX_TALLIES } from './messages.ts';

/** Gives fronts copies of answers that tables hold, to each what its clients ask for. */
export class Publisher {
  readonly marks = new Marks();
  readonly #fronts: ReadonlySet<Front>;
  readonly #counts = new Numbers<AnswerCounts>(Number.POSITIVE_INFINITY);
  readonly #tallies = new Numbers<{ value: number }>(MAX_TALLIES);

  constructor(fronts: ReadonlySet<Front>) {
    this.#fronts = fronts;
  }

  /** Copies the answer to a query, if the table holds one, to a front that asked for it. */
  publish(table: AnswerTable, message: Buffer, front: Front): void {
    const kept = table.find(message);
    if (kept === undefined) return;
    kept.copies ??= this.#begin(kept);
    const { copies } = kept;
    if (copies === undefined || front.has(copies)) return;
    const tallies = kept.tallies.map((tally) => this.#tallies.of(tally));
    if (tallies.includes(undefined)) return;
    front.copy(table, kept.counts, copiedAnswer(kept, copies, this.#counts.of(kept.counts) ?? 0, tallies));
  }

  /** Adds what the fronts have counted since the last call to the tallies of the answers they gave. */
  collect(): void {
    for (const front of this.#fronts) {
      for (const [number, tally] of this.#tallies.all.entries()) tally.value += front.memory.grown(number);
    }
  }

  #begin({ prepared }: KeptAnswer): AnswerCopies | undefined {
    const mark = this.marks.take();
    if (mark === undefined) return undefined;
    const withdraw = (): void => this.marks.withdraw(mark);
    // It may be in the tables of several servers, each with copies of its own.
    const { onStale: others } = prepared;
    prepared.onStale = () => {
      withdraw();
      others?.();
    };
    return new Copies(mark, this.#fronts, withdraw);
  }
}

class Copies implements AnswerCopies {
  readonly slot: number;
  readonly version: number;
  readonly withdraw: () => void;
  readonly #fronts: ReadonlySet<Front>;
  /** What the slot's former answers had. */
  readonly #hitsBefore: number;

  constructor({ slot, version }: Mark, fronts: ReadonlySet<Front>, withdraw: () => void) {
    this.slot = slot;
    this.version = version;
    this.withdraw = withdraw;
    this.#fronts = fronts;
    this.#hitsBefore = this.#allHits();
  }

  get hits(): number {
    return Math.max(0, this.#allHits() - this.#hitsBefore);
  }

  #allHits(): number {
    let sum = 0;
    for (const front of this.#fronts) sum += front.memory.hitsOf(this.slot);
    return sum;
  }
}

/** Numbers from 0 on for things that stay. */
class Numbers<T> {
  readonly all: T[] = [];
  readonly #numbers = new Map<T, number>();
  readonly #max: number;

  constructor(max: number) {
    this.#max = max;
  }

  /** Undefined when there are too many. */
  of(thing: T): number | undefined {
    const known = this.#numbers.get(thing);
    if (known !== undefined || this.all.length >= this.#max) return known;
    this.#numbers.set(thing, this.all.length);
    return this.all.push(thing) - 1;
  }
}

function copiedAnswer(
  kept: KeptAnswer,
  { slot, version }: Mark,
  countedAt: number,
  tallies: readonly (number | undefined)[],
): CopiedAnswer {
  const { name, type, flags, untilMs, plainOnly, endMs, ttlOffsets } = kept;
  const { rcode, counts, tails, ends } = kept.prepared;
  return {
    slot,
    version,
    name,
    type,
    rcode,
    counts,
    // Into memory of its own: a message takes with a view all that it is a view of.
    tails: new Uint8Array(Buffer.concat(tails)),
    turns: tails.length,
    ends,
    flags,
    untilMs,
    endMs: ttlOffsets.length > 0 ? endMs : undefined,
    plainOnly,
    countedAt,
    tallies: tallies.filter((number) => number !== undefined),
  };
}
