import type { AbsentNames } from '#dns/absent-names.ts';
import type { AnswerCounts } from '#dns/answer-counts.ts';
import type { AnswerTable, FoundAbsent } from '#dns/answer-table.ts';
import type { AnswerCopies, KeptAnswer } from '#dns/kept-answer.ts';
import type { PreparedAnswer } from '#wire/dns-answer.ts';
import type { Front } from './front.ts';
import { type Mark, Marks } from './marks.ts';
import { type CopiedBytes, MAX_TALLIES } from './messages.ts';

/** Gives fronts copies of answers that tables hold, to each what its clients ask for. */
export class Publisher {
  readonly marks = new Marks();
  readonly #fronts: ReadonlySet<Front>;
  readonly #counts = new Numbers<AnswerCounts>(Number.POSITIVE_INFINITY);
  readonly #negatives = new WeakMap<AbsentNames, Map<number, NegativeCopies>>();
  readonly #tallies = new Numbers<{ value: number }>(MAX_TALLIES);

  constructor(fronts: ReadonlySet<Front>) {
    this.#fronts = fronts;
  }

  /** Copies what a table can say to a query, if anything, to a front that asked. */
  publish(table: AnswerTable, query: Buffer, front: Front): void {
    const kept = table.find(query);
    if (kept !== undefined) return this.#publishAnswer(table, kept, front);
    const absent = table.findAbsent(query);
    if (absent !== undefined) this.#publishAbsent(table, absent, front);
  }

  #publishAnswer(table: AnswerTable, kept: KeptAnswer, front: Front): void {
    const copies = (kept.copies ??= this.#begin(kept.prepared));
    const tallies = kept.tallies.map((tally) => this.#tallies.of(tally)).filter((each) => each !== undefined);
    if (copies === undefined || tallies.length < kept.tallies.length) return;
    front.copy(table, copies, () => {
      const countedAt = this.#countedAt(kept.counts, front);
      const { name, type, flags, untilMs, plainOnly, ttlOffsets } = kept;
      const endMs = ttlOffsets.length > 0 ? kept.endMs : undefined;
      const bytes = copiedBytes(kept.prepared, copies);
      return { kind: 'answer', bytes, name, type, flags, untilMs, endMs, plainOnly, countedAt, tallies };
    });
  }

  #publishAbsent(table: AnswerTable, { names, zoneStart, prepared }: FoundAbsent, front: Front): void {
    const { zone, pods } = names;
    const mark = (names.copies ??= this.#begin());
    const copies = this.#negativeOf(names, zoneStart, prepared);
    if (mark === undefined || copies === undefined) return;
    front.copy(table, mark, () => {
      const countedAt = this.#countedAt(names.counts, front);
      const { slot, version } = mark;
      return { kind: 'absent', mark: { slot, version }, zone, filter: names.names.shared, pods, countedAt };
    });
    front.copy(table, copies, () => {
      const bytes = copiedBytes(prepared, copies);
      return { kind: 'absent answer', zoneKey: zone.key, zoneStart, bytes };
    });
  }

  /** Negative answers belong to nobody's entry: which copies there are is noted down here. */
  #negativeOf(names: AbsentNames, zoneStart: number, prepared: PreparedAnswer): AnswerCopies | undefined {
    let known = this.#negatives.get(names);
    if (known === undefined) this.#negatives.set(names, (known = new Map()));
    const last = known.get(zoneStart);
    if (last?.prepared === prepared) return last.copies;
    const copies = this.#begin(prepared);
    known.set(zoneStart, { prepared, copies });
    return copies;
  }

  #countedAt(counts: AnswerCounts, front: Front): number {
    const number = this.#counts.of(counts) ?? 0;
    front.shareCounts(counts, number);
    return number;
  }

  /** Adds what the fronts have counted since the last call to the tallies of the answers they gave. */
  collect(): void {
    for (const front of this.#fronts) {
      for (const [number, tally] of this.#tallies.all.entries()) tally.value += front.memory.grown(number);
    }
  }

  /** Copies that end when the answer is retired, if they are of one. */
  #begin(prepared?: PreparedAnswer): AnswerCopies | undefined {
    const mark = this.marks.take();
    if (mark === undefined) return undefined;
    const copies = new Copies(mark, this.#fronts, () => this.marks.withdraw(mark));
    if (prepared !== undefined) {
      // It may be in the tables of several servers, each with copies of its own.
      const { onStale: others } = prepared;
      prepared.onStale = () => {
        copies.withdraw();
        others?.();
      };
    }
    return copies;
  }
}

interface NegativeCopies {
  readonly prepared: PreparedAnswer;
  readonly copies: AnswerCopies | undefined;
}

class Copies implements AnswerCopies {
  readonly slot: number;
  readonly version: number;
  readonly #withdraw: () => void;
  readonly #fronts: ReadonlySet<Front>;
  /** What the slot's former answers had. */
  readonly #hitsBefore: number;
  /** Known once they are withdrawn: the slot's next answer has hits of its own. */
  #hitsAtEnd: number | undefined;

  constructor({ slot, version }: Mark, fronts: ReadonlySet<Front>, withdraw: () => void) {
    this.slot = slot;
    this.version = version;
    this.#withdraw = withdraw;
    this.#fronts = fronts;
    this.#hitsBefore = this.#allHits();
  }

  get hits(): number {
    return this.#hitsAtEnd ?? this.#allHits() - this.#hitsBefore;
  }

  withdraw(): void {
    this.#hitsAtEnd ??= this.hits;
    this.#withdraw();
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

function copiedBytes({ rcode, counts, tails, ends }: PreparedAnswer, { slot, version }: Mark): CopiedBytes {
  // Into memory of its own: a message takes with a view all that it is a view of.
  const bytes = new Uint8Array(Buffer.concat(tails));
  return { slot, version, rcode, counts, tails: bytes, turns: tails.length, ends };
}
