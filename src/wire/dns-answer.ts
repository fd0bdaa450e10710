import { ednsRecord } from './dns.ts';
import { HEADER_BYTES, HeaderFlag, Opcode, RecordType, ResponseCode } from './dns-constants.ts';
import type { DnsName } from './dns-name.ts';
import type { DnsQuery } from './dns-query.ts';
import { type DnsRecord, encodeRecord } from './dns-record.ts';
import { DnsWriter } from './dns-writer.ts';

export interface AnswerSections {
  readonly rcode: number;
  readonly answers: readonly DnsRecord[];
  readonly authorities: readonly DnsRecord[];
  readonly additionals: readonly DnsRecord[];
}

/**
 * All that follows the question in a response, as bytes. Its compression pointers are right behind any
 * question with the same name, whatever its case.
 */
export interface PreparedAnswer {
  readonly rcode: number;
  readonly counts: readonly [answers: number, authorities: number, additionals: number];
  /** Equal sets of records, each in another order, to be served in turn; at least one. */
  readonly tails: readonly Buffer[];
  /** Where each record ends within a tail. */
  readonly ends: readonly number[];
  /** Which of `tails` is next. */
  turn: number;
  /** No longer true, by `retire()` of its owner: whoever kept it has to forget it. */
  readonly stale: boolean;
  /** Called when it becomes stale, by who cannot look at `stale` each time. */
  onStale: (() => void) | undefined;
}

/** Takes an answer back: it is no longer true. */
export function retire(prepared: PreparedAnswer): void {
  const taken: { stale: boolean } = prepared;
  taken.stale = true;
  prepared.onStale?.();
}

/** An option of the OPT record (RFC 6891 §6.1.2). */
export interface EdnsOption {
  readonly code: number;
  readonly data: Uint8Array;
}

const MAX_ROTATIONS = 8;

/** Records are compressed against the question's name, or, with an offset, against the part of it that begins there. */
export function prepareAnswer(
  name: DnsName,
  sections: AnswerSections,
  nameOffset: number = HEADER_BYTES,
): PreparedAnswer {
  const writer = new DnsWriter();
  writer.bytes(new Uint8Array(nameOffset)).name(name).u32(0);
  const start = writer.length;
  const ends: number[] = [];
  for (const section of [sections.answers, sections.authorities, sections.additionals]) {
    for (const record of section) {
      encodeRecord(writer, record);
      ends.push(writer.length - start);
    }
  }
  const tail = Buffer.from(writer.finish().subarray(start));
  const { answers, authorities, additionals, rcode } = sections;
  const tails = rotatable(sections) ? rotations(tail, answers.length) : [tail];
  return {
    rcode,
    counts: [answers.length, authorities.length, additionals.length],
    tails,
    ends,
    turn: 0,
    stale: false,
    onStale: undefined,
  };
}

/** Addresses of one name alone: records of equal length without pointers to each other. */
function rotatable({ answers, authorities, additionals }: AnswerSections): boolean {
  const [first] = answers;
  if (answers.length < 2 || authorities.length + additionals.length > 0 || first === undefined) return false;
  if (first.type !== RecordType.A && first.type !== RecordType.AAAA) return false;
  return answers.every((record) => record.type === first.type && record.name === first.name);
}

function rotations(tail: Buffer, count: number): Buffer[] {
  const size = tail.length / count;
  return Array.from({ length: Math.min(count, MAX_ROTATIONS) }, (_, turn) =>
    Buffer.concat([tail.subarray(turn * size), tail.subarray(0, turn * size)]),
  );
}

/** The response to a query, cut to `limit` bytes (then with TC) and with an OPT record if the query had one. */
export function respond(
  query: DnsQuery,
  prepared: PreparedAnswer,
  flags: number,
  limit: number,
  options?: readonly EdnsOption[],
): Buffer {
  const tail = prepared.tails[prepared.turn] ?? Buffer.alloc(0);
  if (prepared.tails.length > 1) prepared.turn = (prepared.turn + 1) % prepared.tails.length;
  const { questionEnd, edns } = query;
  const optBytes = edns === undefined ? 0 : OPT_BYTES + optionBytes(options);
  const fits = questionEnd + tail.length + optBytes <= limit;
  const kept = fits ? prepared.ends.length : countFitting(prepared.ends, limit - questionEnd - optBytes);
  const tailBytes = fits ? tail.length : (prepared.ends[kept - 1] ?? 0);
  const response = Buffer.allocUnsafe(questionEnd + tailBytes + optBytes);
  query.message.copy(response, 0, 0, questionEnd);
  tail.copy(response, questionEnd, 0, tailBytes);
  writeHeader(response, flags | (fits ? 0 : HeaderFlag.TC), prepared.rcode);
  let left = kept;
  for (let section = 0; section < 3; section++) {
    const count = Math.min(left, prepared.counts[section] ?? 0);
    response.writeUInt16BE(count, 6 + 2 * section);
    left -= count;
  }
  if (edns !== undefined) {
    writeOpt(response, questionEnd + tailBytes, prepared.rcode, edns, options);
    response.writeUInt16BE(response.readUInt16BE(10) + 1, 10);
  }
  return response;
}

/** A response that repeats the question (when `questionEnd` says there is one) and has no records but OPT. */
export function respondEmpty(
  message: Buffer,
  questionEnd: number,
  rcode: number,
  edns: DnsQuery['edns'],
  flags = 0,
): Buffer {
  const response = Buffer.alloc(questionEnd + (edns === undefined ? 0 : OPT_BYTES));
  message.copy(response, 0, 0, questionEnd);
  writeHeader(response, flags, rcode);
  response.writeUInt16BE(questionEnd > HEADER_BYTES ? 1 : 0, 4);
  response.fill(0, 6, HEADER_BYTES);
  if (edns === undefined) return response;
  response.writeUInt16BE(1, 10);
  writeOpt(response, questionEnd, rcode, edns);
  return response;
}

/** The opcode stays the query's; so do RD and CD, which mean nothing in notifications. */
function writeHeader(response: Buffer, flags: number, rcode: number): void {
  const word = response.readUInt16BE(2);
  const opcode = word & 0x7800;
  const kept = opcode === Opcode.NOTIFY << 11 ? opcode : word & (0x7800 | HeaderFlag.RD | HeaderFlag.CD);
  response.writeUInt16BE(HeaderFlag.QR | kept | flags | (rcode & 15), 2);
}

function countFitting(ends: readonly number[], room: number): number {
  const over = ends.findIndex((end) => end > room);
  return over < 0 ? ends.length : over;
}

const OPT_BYTES = 11;

function writeOpt(
  response: Buffer,
  offset: number,
  rcode: number,
  edns: NonNullable<DnsQuery['edns']>,
  options: readonly EdnsOption[] = [],
): void {
  const isKnown = rcode !== ResponseCode.BADVERS;
  const udpSize = isKnown ? edns.udpSize : 0;
  const dnssecOk = isKnown && edns.dnssecOk;
  const opt = ednsRecord({ udpSize, version: 0, extendedRcode: rcode >> 4, dnssecOk });
  response[offset] = 0;
  response.writeUInt16BE(RecordType.OPT, offset + 1);
  response.writeUInt16BE(udpSize, offset + 3);
  response.writeUInt32BE(opt.ttl, offset + 5);
  response.writeUInt16BE(optionBytes(options), offset + 9);
  let at = offset + OPT_BYTES;
  for (const { code, data } of options) {
    response.writeUInt16BE(code, at);
    response.writeUInt16BE(data.length, at + 2);
    response.set(data, at + 4);
    at += 4 + data.length;
  }
}

function optionBytes(options: readonly EdnsOption[] = []): number {
  return options.reduce((sum, { data }) => sum + 4 + data.length, 0);
}
