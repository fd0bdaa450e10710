import { AbsentNames } from '#dns/absent-names.ts';
import type { AnswerCounts } from '#dns/answer-counts.ts';
import { AnswerTable } from '#dns/answer-table.ts';
import type { TableEntry } from '#dns/kept-answer.ts';
import { NameFilter } from '#dns/name-filter.ts';
import { CopiedAnswer, isTrue, SharedTally } from './copied-answer.ts';
import type { Copy } from './messages.ts';

/** Memory that copies look at. */
export interface CopyMemory {
  readonly marks: Int32Array;
  readonly tallies: Float64Array;
  readonly hits: Float64Array;
  /** By number. */
  readonly counts: ReadonlyMap<number, AnswerCounts>;
}

/** A table of copies of what a server's table in the main thread holds. */
export class CopiedTable {
  readonly table = new AnswerTable();
  readonly #memory: CopyMemory;
  /** What was copied last under each slot of the marks: with the next one it is certainly no longer true. */
  readonly #entries = new Map<number, TableEntry>();
  /** By key of the zone, then by offset of the zone. */
  readonly #absent = new Map<string, Map<number, CopiedAnswer>>();

  constructor(memory: CopyMemory) {
    this.#memory = memory;
  }

  take(copy: Copy): void {
    switch (copy.kind) {
      case 'answer':
        return this.#takeAnswer(copy);
      case 'absent':
        return this.#takeAbsent(copy);
      case 'absent answer':
        this.#absent.get(copy.zoneKey)?.set(copy.zoneStart, new CopiedAnswer(copy.bytes, this.#memory.marks));
    }
  }

  #takeAnswer(copy: Copy & { kind: 'answer' }): void {
    const { bytes, name, type, flags, untilMs, plainOnly, endMs } = copy;
    const { marks, hits } = this.#memory;
    const old = this.#entries.get(bytes.slot);
    if (old !== undefined) this.table.delete(old);
    this.#entries.delete(bytes.slot);
    const counts = this.#memory.counts.get(copy.countedAt);
    const prepared = new CopiedAnswer(bytes, marks);
    if (counts === undefined || prepared.stale) return;
    const tallies = copy.tallies.map((index) => new SharedTally(this.#memory.tallies, index));
    tallies.push(new SharedTally(hits, bytes.slot));
    const lifetime = endMs === undefined ? undefined : { fromMs: endMs, seconds: 0 };
    const answer = { prepared, flags, untilMs, plainOnly, lifetime, counts, tallies };
    const entry = this.table.put({ name, type }, answer);
    if (entry !== undefined) this.#entries.set(bytes.slot, entry);
  }

  #takeAbsent({ mark, zone, filter, pods, countedAt }: Copy & { kind: 'absent' }): void {
    const counts = this.#memory.counts.get(countedAt);
    if (counts === undefined) return;
    const answers = new Map<number, CopiedAnswer>();
    this.#absent.set(zone.key, answers);
    const { marks } = this.#memory;
    const prepared = (zoneStart: number): CopiedAnswer | undefined => {
      const answer = answers.get(zoneStart);
      return answer === undefined || answer.stale || !isTrue(marks, mark) ? undefined : answer;
    };
    this.table.setAbsent(new AbsentNames({ zone, names: new NameFilter(filter), pods, prepared, counts }));
  }
}
