import {
  DnsFormatError,
  type DnsMessage,
  decodeMessage,
  HeaderFlag,
  RecordType,
  ResponseCode,
} from '#wire/dns.ts';
import { type PreparedAnswer, prepareAnswer, respond } from '#wire/dns-answer.ts';
import type { Answerer, DnsHandler, DnsReply, DnsRequest, DnsResult } from './handler.ts';

const MAX_ENTRIES = 9984;
const MIN_SECONDS = 5;

interface Entry {
  readonly message: DnsMessage;
  readonly storedMs: number;
  /** Seconds from storing. */
  readonly lifetime: number;
  readonly flags: number;
  /** The answer with TTLs less this many seconds. */
  prepared: PreparedAnswer;
  preparedAge: number;
}

/** Keeps answers of the handlers behind it for as long as their records allow. */
export class CacheHandler implements DnsHandler {
  readonly name = 'cache';
  readonly #maxSeconds: number;
  readonly #entries = new Map<string, Entry>();
  readonly #nowMs: () => number;
  hits = 0;
  misses = 0;

  constructor(maxSeconds: number, nowMs: () => number = Date.now) {
    this.#maxSeconds = maxSeconds;
    this.#nowMs = nowMs;
  }

  get size(): number {
    return this.#entries.size;
  }

  handle(request: DnsRequest, next: Answerer): DnsReply {
    const key = keyOf(request);
    const entry = this.#entries.get(key);
    if (entry !== undefined) {
      const age = Math.floor((this.#nowMs() - entry.storedMs) / 1000);
      if (age < entry.lifetime) {
        this.hits++;
        return respond(request.query, aged(entry, age), entry.flags, request.limit);
      }
      this.#entries.delete(key);
    }
    this.misses++;
    const reply = next(request);
    if (reply instanceof Promise) return reply.then((response) => this.#keep(key, response));
    return this.#keep(key, reply);
  }

  #keep(key: string, response: DnsResult): DnsResult {
    if (!Buffer.isBuffer(response)) return response;
    const message = readCacheable(response);
    if (message === undefined) return response;
    const lifetime = Math.min(this.#maxSeconds, Math.max(MIN_SECONDS, shortestTtl(message)));
    if (this.#entries.size >= MAX_ENTRIES) {
      const [oldest] = this.#entries.keys();
      if (oldest !== undefined) this.#entries.delete(oldest);
    }
    const flags = message.flags & (HeaderFlag.RA | HeaderFlag.AD);
    const prepared = prepare(message, 0, lifetime);
    this.#entries.set(key, { message, storedMs: this.#nowMs(), lifetime, flags, prepared, preparedAge: 0 });
    return response;
  }
}

/** DO and CD change what an answer holds. */
function keyOf({ query }: DnsRequest): string {
  const checkingDisabled = (query.message.readUInt16BE(2) & HeaderFlag.CD) !== 0;
  return `${query.key}${query.edns?.dnssecOk === true ? 'D' : ''}${checkingDisabled ? 'C' : ''}`;
}

/** Positive answers, and negative ones that say in an SOA record for how long; never truncated ones. */
function readCacheable(response: Buffer): DnsMessage | undefined {
  try {
    const message = decodeMessage(response);
    if ((message.flags & HeaderFlag.TC) !== 0) return undefined;
    if (message.rcode !== ResponseCode.NOERROR && message.rcode !== ResponseCode.NXDOMAIN) return undefined;
    const negative = message.rcode === ResponseCode.NXDOMAIN || message.answers.length === 0;
    return negative && !message.authorities.some((record) => record.type === RecordType.SOA)
      ? undefined
      : message;
  } catch (error) {
    if (error instanceof DnsFormatError) return undefined;
    throw error;
  }
}

function shortestTtl({ answers, authorities, additionals }: DnsMessage): number {
  const records = [...answers, ...authorities, ...additionals].filter(
    (record) => record.type !== RecordType.OPT,
  );
  return records.reduce((shortest, record) => Math.min(shortest, record.ttl), Number.POSITIVE_INFINITY);
}

/** TTLs count down in whole seconds, so one preparation serves all answers of a second. */
function aged(entry: Entry, age: number): PreparedAnswer {
  if (entry.preparedAge !== age) {
    entry.prepared = prepare(entry.message, age, entry.lifetime);
    entry.preparedAge = age;
  }
  return entry.prepared;
}

function prepare(message: DnsMessage, age: number, lifetime: number): PreparedAnswer {
  const younger = (records: DnsMessage['answers']): DnsMessage['answers'] =>
    records
      .filter((record) => record.type !== RecordType.OPT)
      .map((record) => ({ ...record, ttl: Math.max(0, Math.min(record.ttl, lifetime) - age) }));
  return prepareAnswer(message.questions[0]?.name ?? [], {
    rcode: message.rcode,
    answers: younger(message.answers),
    authorities: younger(message.authorities),
    additionals: younger(message.additionals),
  });
}
