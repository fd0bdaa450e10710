import type { PreparedAnswer } from '#wire/dns-answer.ts';
import { ttlOffsets } from '#wire/dns-answer-bytes.ts';
import { HeaderFlag } from '#wire/dns-constants.ts';
import type { AnswerCounts } from './answer-counts.ts';

export interface TableAnswer {
  /** Its owner takes it back by `retire()`. */
  readonly prepared: PreparedAnswer;
  /** AA and the like; QR, RD and CD are added as they have to be. */
  readonly flags: number;
  /** Where its answers are counted. */
  readonly counts: AnswerCounts;
  /** From when on the chain is to be asked again, in ms since 1970; never by default. */
  readonly untilMs?: number | undefined;
  /** Every TTL is what is left of a lifetime, in whole seconds; without it they stay as they are. */
  readonly lifetime?: { readonly fromMs: number; readonly seconds: number } | undefined;
  /** Grow by one with each answer given. */
  readonly tallies?: readonly { value: number }[] | undefined;
  /** Not for queries with DO, CD or AD, whose answers may differ. */
  readonly plainOnly?: boolean | undefined;
}

/** An answer in the table. */
export interface TableEntry {
  /** How often it was given, by all threads. */
  readonly hits: number;
}

/** Copies of an answer in other threads, true as long as the slot of `Marks` has the version. */
export interface AnswerCopies {
  readonly slot: number;
  readonly version: number;
  /** How often they were given. */
  readonly hits: number;
  /** From now on none of them is given any more. */
  withdraw(): void;
}

/** A question as it is asked for in the table. */
export interface TableQuestion {
  /** In wire form and lower case. */
  readonly name: Uint8Array;
  readonly type: number;
}

const NO_TALLIES: readonly { value: number }[] = [];

/** What a table keeps of an answer. */
export class KeptAnswer implements TableEntry, TableQuestion {
  readonly hash: number;
  readonly name: Uint8Array;
  readonly type: number;
  readonly prepared: PreparedAnswer;
  readonly flags: number;
  readonly counts: AnswerCounts;
  readonly untilMs: number;
  readonly plainOnly: boolean;
  readonly tallies: readonly { value: number }[];
  /** Where TTLs are in each of the tails; none if they stay. */
  readonly ttlOffsets: readonly number[];
  /** When they reach 0. */
  readonly endMs: number;
  writtenTtl = -1;
  /** How often it was given by this thread. */
  given = 0;
  next: KeptAnswer | undefined = undefined;
  /** Withdrawn when the table drops the answer. */
  copies: AnswerCopies | undefined = undefined;

  constructor(hash: number, { name, type }: TableQuestion, answer: TableAnswer) {
    this.hash = hash;
    this.name = name;
    this.type = type;
    this.prepared = answer.prepared;
    this.flags = answer.flags | HeaderFlag.QR;
    this.counts = answer.counts;
    this.untilMs = answer.untilMs ?? Number.POSITIVE_INFINITY;
    this.plainOnly = answer.plainOnly ?? false;
    this.tallies = answer.tallies ?? NO_TALLIES;
    this.ttlOffsets = answer.lifetime === undefined ? [] : ttlOffsets(answer.prepared);
    this.endMs = answer.lifetime === undefined ? 0 : answer.lifetime.fromMs + answer.lifetime.seconds * 1000;
  }

  get hits(): number {
    return this.given + (this.copies?.hits ?? 0);
  }
}
