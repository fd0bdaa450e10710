import { randomInt } from 'node:crypto';
import type { PreparedAnswer } from '#wire/dns-answer.ts';
import { copyInto, OPT_BYTES, writePlainOpt } from '#wire/dns-answer-bytes.ts';
import { HEADER_BYTES, HeaderFlag } from '#wire/dns-constants.ts';
import {
  hashLabels,
  hashName,
  isName,
  lowerCase,
  type PlainQuery,
  readPlainQuery,
} from '#wire/dns-plain-query.ts';
import type { DnsQuery } from '#wire/dns-query.ts';
import type { AbsentNames } from './absent-names.ts';
import type { AnswerCounts } from './answer-counts.ts';
import { KeptAnswer, type TableAnswer, type TableEntry, type TableQuestion } from './kept-answer.ts';
import { MAX_UDP_BYTES, udpLimit } from './transport.ts';
import type { Zone } from './zone.ts';

const AD_OR_CD = HeaderFlag.AD | HeaderFlag.CD;
const FIRST_BUCKETS = 1024;
/** So long nobody looks again whether a table that was full of true answers still is. */
const FULL_MS = 1000;

export interface FoundAbsent {
  readonly names: AbsentNames;
  /** Where the zone begins in the message. */
  readonly zoneStart: number;
  readonly prepared: PreparedAnswer;
}

export interface AnswerTableOptions {
  /** No UDP answer is larger, whatever the client offers to take. */
  readonly maxUdpBytes?: number | undefined;
  /** Beyond, answers are not put in. */
  readonly maxEntries?: number | undefined;
}

/**
 * Answers that need no thought, by question: whoever knows an answer to stay the same puts it in, and marks
 * it as stale when it no longer does. `answer()` reads a query where it lies, and writes the response over
 * it; nothing is allocated. What is not here, or is unusual, is for the chain.
 */
export class AnswerTable {
  readonly #maxUdpBytes: number;
  readonly #maxEntries: number;
  /** Of this table alone: nobody can prepare names that meet in one bucket. */
  readonly #seed = randomInt(2 ** 32) | 0;
  readonly #query: PlainQuery = {
    nameEnd: 0,
    questionEnd: 0,
    type: 0,
    hash: 0,
    hasEdns: false,
    udpSize: 0,
    dnssecOk: false,
  };
  readonly #counts = new Set<AnswerCounts>();
  #absent: readonly AbsentNames[] = [];
  #buckets: (KeptAnswer | undefined)[] = emptyBuckets(FIRST_BUCKETS);
  #size = 0;
  /** Until then it is taken to be full. */
  #fullUntilMs = 0;
  /** The time as of the last `settle()` or `startBatch()`, in ms since 1970. */
  #nowMs = Date.now();
  #startedMs = performance.now();

  constructor({ maxUdpBytes = MAX_UDP_BYTES, maxEntries = 200_000 }: AnswerTableOptions = {}) {
    this.#maxUdpBytes = maxUdpBytes;
    this.#maxEntries = maxEntries;
  }

  get size(): number {
    return this.#size;
  }

  /** Keeps the answer to a query's question; undefined when the table is full of true ones. */
  set({ message, questionEnd, type }: DnsQuery, answer: TableAnswer): TableEntry | undefined {
    const name = Uint8Array.from(message.subarray(HEADER_BYTES, questionEnd - 4), lowerCase);
    return this.put({ name, type }, answer);
  }

  /** The same for a question; the name is the table's to keep. */
  put(question: TableQuestion, answer: TableAnswer): TableEntry | undefined {
    const { name, type } = question;
    const hash = hashName(name, this.#seed);
    this.#unlink(
      hash,
      (entry) => entry.type === type && entry.name.length === name.length && isName(name, 0, entry.name),
    );
    if (this.#size >= Math.min(this.#maxEntries, this.#buckets.length) && !this.#makeRoom()) return undefined;
    const entry = new KeptAnswer(hash, question, answer);
    this.#link(entry);
    this.#size++;
    this.#counts.add(answer.counts);
    return entry;
  }

  /** Whether this is the answer that it keeps to a query's question. */
  holds({ message, questionEnd, type }: DnsQuery, prepared: PreparedAnswer): boolean {
    const query = this.#query;
    query.nameEnd = questionEnd - 4;
    query.type = type;
    query.hash = hashLabels(message, HEADER_BYTES, query.nameEnd, this.#seed);
    return this.#find(message, HEADER_BYTES)?.prepared === prepared;
  }

  /** The answer to a query, if it is here and still true. */
  find(message: Uint8Array): KeptAnswer | undefined {
    if (!readPlainQuery(message, 0, message.length, this.#seed, this.#query)) return undefined;
    const entry = this.#find(message, HEADER_BYTES);
    return entry === undefined || entry.prepared.stale || entry.untilMs <= Date.now() ? undefined : entry;
  }

  /** Who knows that a query's name does not exist, and the answer that says so. */
  findAbsent(message: Uint8Array): FoundAbsent | undefined {
    const query = this.#query;
    if (!readPlainQuery(message, 0, message.length, this.#seed, query)) return undefined;
    for (const names of this.#absent) {
      const prepared = names.answerTo(message, 0, query);
      if (prepared !== undefined) return { names, zoneStart: names.zoneStart(query), prepared };
    }
    return undefined;
  }

  /** Drops what `put()` has returned, if it is still here. */
  delete(entry: TableEntry): void {
    if (entry instanceof KeptAnswer) this.#forget(entry);
  }

  /** Whether those of this very zone have been set. */
  hasAbsent(zone: Zone): boolean {
    return this.#absent.some((names) => names.zone === zone);
  }

  /** From now on, until `clear()`, names of the zone that do not exist are answered here, too. */
  setAbsent(names: AbsentNames): void {
    const others = this.#absent.filter(({ zone }) => zone.key !== names.zone.key);
    this.#dropAbsent(others);
    this.#absent = [...others, names];
    this.#counts.add(names.counts);
  }

  clear(): void {
    for (const first of this.#buckets) for (const entry of chainOf(first)) entry.copies?.withdraw();
    this.#empty();
    this.#dropAbsent([]);
    this.#absent = [];
  }

  #dropAbsent(kept: readonly AbsentNames[]): void {
    for (const names of this.#absent) if (!kept.includes(names)) names.copies?.withdraw();
  }

  #empty(buckets = FIRST_BUCKETS): void {
    this.#buckets = emptyBuckets(buckets);
    this.#size = 0;
    this.#fullUntilMs = 0;
  }

  /** To be called when queries have come in, before the first of them is answered. */
  startBatch(): void {
    this.#nowMs = Date.now();
    this.#startedMs = performance.now();
  }

  /** To be called when the answers are on their way: tells the counters how long they took. */
  settle(): void {
    const seconds = (performance.now() - this.#startedMs) / 1000;
    for (const counts of this.#counts) counts.settle(seconds);
  }

  /**
   * Answers the query that lies in `length` bytes from `start` on, over itself. The response may have
   * `room` bytes. Returns its length, or -1, with the bytes untouched, when the chain has to answer.
   */
  answer(bytes: Uint8Array, start: number, length: number, room: number, lane: number): number {
    const query = this.#query;
    if (!readPlainQuery(bytes, start, length, this.#seed, query)) return -1;
    const entry = this.#find(bytes, start + HEADER_BYTES);
    if (entry === undefined) return this.#answerAbsent(bytes, start, length, room, lane);
    if (entry.prepared.stale || entry.untilMs <= this.#nowMs) return this.#forget(entry);
    if (entry.plainOnly && (query.dnssecOk || ((bytes[start + 3] ?? 0) & AD_OR_CD) !== 0)) return -1;

    const { prepared } = entry;
    const tail = prepared.tails[prepared.turn];
    if (tail === undefined) return -1;
    const responseLength = this.#responseLength(start, tail, room, lane);
    if (responseLength < 0) return -1;
    if (entry.ttlOffsets.length > 0) this.#age(entry);
    if (prepared.tails.length > 1)
      prepared.turn = prepared.turn + 1 === prepared.tails.length ? 0 : prepared.turn + 1;
    this.#write(bytes, start, prepared, tail, entry.flags);
    entry.given++;
    for (const tally of entry.tallies) tally.value++;
    entry.counts.count(lane, entry.type, prepared.rcode, query.dnssecOk, length, responseLength);
    return responseLength;
  }

  #answerAbsent(bytes: Uint8Array, start: number, length: number, room: number, lane: number): number {
    const query = this.#query;
    for (const names of this.#absent) {
      const prepared = names.answerTo(bytes, start, query);
      const tail = prepared?.tails[0];
      if (prepared === undefined || tail === undefined) continue;
      const responseLength = this.#responseLength(start, tail, room, lane);
      if (responseLength < 0) return -1;
      this.#write(bytes, start, prepared, tail, HeaderFlag.QR | HeaderFlag.AA);
      names.counts.count(lane, query.type, prepared.rcode, query.dnssecOk, length, responseLength);
      return responseLength;
    }
    return -1;
  }

  /** -1: there is no room for so much. */
  #responseLength(start: number, tail: Uint8Array, room: number, lane: number): number {
    const { questionEnd, hasEdns } = this.#query;
    const length = questionEnd - start + tail.length + (hasEdns ? OPT_BYTES : 0);
    // Lanes 0 and 1 are UDP.
    return length > room || (lane < 2 && length > this.#udpLimit()) ? -1 : length;
  }

  #write(bytes: Uint8Array, start: number, prepared: PreparedAnswer, tail: Uint8Array, flags: number): void {
    const { questionEnd, hasEdns, udpSize, dnssecOk } = this.#query;
    this.#writeHeader(bytes, start, prepared, flags);
    copyInto(bytes, questionEnd, tail);
    if (hasEdns) writePlainOpt(bytes, questionEnd + tail.length, udpSize, dnssecOk);
  }

  #udpLimit(): number {
    return Math.min(udpLimit(this.#query.udpSize), this.#maxUdpBytes);
  }

  #writeHeader(bytes: Uint8Array, start: number, { counts, rcode }: PreparedAnswer, flags: number): void {
    const additionals = counts[2] + (this.#query.hasEdns ? 1 : 0);
    bytes[start + 2] = (flags >> 8) | ((bytes[start + 2] ?? 0) & (HeaderFlag.RD >> 8));
    bytes[start + 3] = (flags & 0xff) | ((bytes[start + 3] ?? 0) & HeaderFlag.CD) | rcode;
    bytes[start + 6] = counts[0] >> 8;
    bytes[start + 7] = counts[0];
    bytes[start + 8] = counts[1] >> 8;
    bytes[start + 9] = counts[1];
    bytes[start + 10] = additionals >> 8;
    bytes[start + 11] = additionals;
  }

  #find(bytes: Uint8Array, nameStart: number): KeptAnswer | undefined {
    const { hash, type, nameEnd } = this.#query;
    const length = nameEnd - nameStart;
    let entry = this.#buckets[hash & (this.#buckets.length - 1)];
    while (entry !== undefined) {
      const alike = entry.hash === hash && entry.type === type && entry.name.length === length;
      if (alike && isName(bytes, nameStart, entry.name)) return entry;
      entry = entry.next;
    }
    return undefined;
  }

  #age(entry: KeptAnswer): void {
    const ttl = Math.max(0, Math.ceil((entry.endMs - this.#nowMs) / 1000));
    if (ttl === entry.writtenTtl) return;
    entry.writtenTtl = ttl;
    for (const tail of entry.prepared.tails) {
      for (const offset of entry.ttlOffsets) tail.writeUInt32BE(ttl, offset);
    }
  }

  #link(entry: KeptAnswer): void {
    const bucket = entry.hash & (this.#buckets.length - 1);
    entry.next = this.#buckets[bucket];
    this.#buckets[bucket] = entry;
  }

  #forget(wanted: KeptAnswer): -1 {
    this.#unlink(wanted.hash, (entry) => entry === wanted);
    return -1;
  }

  #unlink(hash: number, wanted: (entry: KeptAnswer) => boolean): void {
    const bucket = hash & (this.#buckets.length - 1);
    let before: KeptAnswer | undefined;
    for (let entry = this.#buckets[bucket]; entry !== undefined; entry = entry.next) {
      if (!wanted(entry)) {
        before = entry;
        continue;
      }
      if (before === undefined) this.#buckets[bucket] = entry.next;
      else before.next = entry.next;
      this.#size--;
      entry.copies?.withdraw();
      return;
    }
  }

  /** Drops what is no longer true, and gives what is left as many buckets as it needs. False: it is full. */
  #makeRoom(): boolean {
    const now = Date.now();
    if (now < this.#fullUntilMs) return false;
    const kept: KeptAnswer[] = [];
    for (const first of this.#buckets) {
      for (const entry of chainOf(first)) {
        if (entry.prepared.stale || entry.untilMs <= now) entry.copies?.withdraw();
        else kept.push(entry);
      }
    }
    this.#empty(Math.max(FIRST_BUCKETS, 2 ** Math.ceil(Math.log2(2 * kept.length))));
    for (const entry of kept) this.#link(entry);
    this.#size = kept.length;
    const isFull = this.#size >= this.#maxEntries;
    if (isFull) this.#fullUntilMs = now + FULL_MS;
    return !isFull;
  }
}

function emptyBuckets(count: number): (KeptAnswer | undefined)[] {
  return Array.from({ length: count }, () => undefined);
}

function* chainOf(first: KeptAnswer | undefined): Generator<KeptAnswer> {
  for (let entry = first; entry !== undefined; entry = entry.next) yield entry;
}
