import { type Edns, ednsOf } from './dns.ts';
import { HEADER_BYTES, HeaderFlag, Opcode, RecordType } from './dns-constants.ts';
import { isValidOption } from './dns-edns-shapes.ts';
import { DnsFormatError, lowerAscii } from './dns-name.ts';
import { decodeRecord } from './dns-record.ts';

/** A query as a server needs it: the bytes, and where in them things are. */
export interface DnsQuery {
  readonly message: Buffer;
  /** Offsets of the labels of the question's name, and of its final zero. */
  readonly labelStarts: readonly number[];
  /** Offset behind the question. */
  readonly questionEnd: number;
  /** Name, type and class of the question in lower case, one char per byte: answers are kept under it. */
  readonly key: string;
  readonly type: number;
  readonly class: number;
  readonly edns: Edns | undefined;
}

/** What is to be said to bytes that are no query to answer; undefined `rcode`: nothing at all. */
export interface RejectedQuery {
  readonly rejected: true;
  readonly rcode: number | undefined;
  /** Offset behind the question if it can be repeated in the answer, else behind the header. */
  readonly questionEnd: number;
}

const DROP: RejectedQuery = { rejected: true, rcode: undefined, questionEnd: 0 };
const FORMERR = 1;
const SERVFAIL = 2;
const NOTIMP = 4;
const MAX_NAME = 255;

/**
 * Reads a query without allocating more than its parts need. Never throws. As CoreDNS does, it takes a question
 * that ends behind its name, or behind its type, for one whose class (and type) is 0, and records that the counts
 * promise behind the message's end for none.
 */
export function readQuery(received: Buffer): DnsQuery | RejectedQuery {
  let message = received;
  if (message.length < HEADER_BYTES) return DROP;
  const word = message.readUInt16BE(2);
  if ((word & HeaderFlag.QR) !== 0) return DROP;
  const opcode = (word >> 11) & 15;
  if (opcode !== Opcode.QUERY && opcode !== Opcode.NOTIFY) return reject(NOTIMP);
  const additionals = message.readUInt16BE(10);
  const tooMany = message.readUInt16BE(6) > 1 || message.readUInt16BE(8) > 1 || additionals > 2;
  if (message.readUInt16BE(4) !== 1 || tooMany) return reject(FORMERR);
  if (message.length === HEADER_BYTES) return reject(SERVFAIL);

  const labelStarts: number[] = [];
  let offset = HEADER_BYTES;
  for (;;) {
    const length = message[offset];
    labelStarts.push(offset);
    if (length === 0) break;
    if (length === undefined || length > 63 || offset - HEADER_BYTES + length + 2 > MAX_NAME)
      return reject(FORMERR);
    offset += 1 + length;
  }
  const questionEnd = offset + 5;
  if (message.length === questionEnd - 4 || message.length === questionEnd - 2)
    message = Buffer.concat([message], questionEnd);
  if (questionEnd > message.length) return reject(FORMERR);
  if (message.length === questionEnd && hasRecords(message)) message = withoutRecords(message);
  const edns = readEdns(message, questionEnd, message.readUInt16BE(10));
  if (edns === 'malformed') return reject(FORMERR, questionEnd);
  return {
    message,
    labelStarts,
    questionEnd,
    key: keyOf(message, questionEnd),
    type: message.readUInt16BE(offset + 1),
    class: message.readUInt16BE(offset + 3),
    edns,
  };
}

/** Type and class stay as they are: their bytes may look like letters. */
function keyOf(message: Buffer, questionEnd: number): string {
  const name = lowerAscii(message.toString('latin1', HEADER_BYTES, questionEnd - 4));
  return name + message.toString('latin1', questionEnd - 4, questionEnd);
}

function hasRecords(message: Buffer): boolean {
  return message.readUInt16BE(6) + message.readUInt16BE(8) + message.readUInt16BE(10) > 0;
}

/** A copy that promises no records, for a message that has none. */
function withoutRecords(message: Buffer): Buffer {
  return Buffer.from(message).fill(0, 6, HEADER_BYTES);
}

function reject(rcode: number, questionEnd: number = HEADER_BYTES): RejectedQuery {
  return { rejected: true, rcode, questionEnd };
}

function readEdns(message: Buffer, questionEnd: number, additionals: number): Edns | undefined | 'malformed' {
  const others = message.readUInt16BE(6) + message.readUInt16BE(8);
  let edns: Edns | undefined;
  try {
    let offset = questionEnd;
    for (let i = 0; i < others + additionals; i++) {
      const { record, next } = decodeRecord(message, offset);
      offset = next;
      if (i < others || record.type !== RecordType.OPT) continue;
      if (record.data.kind !== 'opaque' || !validOptions(record.data.bytes)) return 'malformed';
      edns = ednsOf(record);
    }
  } catch (error) {
    if (error instanceof DnsFormatError) return 'malformed';
    throw error;
  }
  return edns;
}

/** Options are {code, length, data}. */
function validOptions(bytes: Uint8Array): boolean {
  let offset = 0;
  while (offset < bytes.length) {
    if (offset + 4 > bytes.length) return false;
    const code = ((bytes[offset] ?? 0) << 8) | (bytes[offset + 1] ?? 0);
    const length = ((bytes[offset + 2] ?? 0) << 8) | (bytes[offset + 3] ?? 0);
    if (offset + 4 + length > bytes.length || !isValidOption(code, bytes, offset + 4, length)) return false;
    offset += 4 + length;
  }
  return true;
}

/** The labels of the question's name, as the client wrote them. */
export function questionLabels(query: DnsQuery): string[] {
  const labels: string[] = [];
  for (let i = 0; i + 1 < query.labelStarts.length; i++) {
    labels.push(query.message.toString('latin1', (query.labelStarts[i] ?? 0) + 1, query.labelStarts[i + 1]));
  }
  return labels;
}
