/** DNS messages (RFC 1035 §4, EDNS of RFC 6891): bytes to values and back. */
import { HEADER_BYTES, RecordType } from './dns-constants.ts';
import { DnsFormatError, type DnsName, decodeName } from './dns-name.ts';
import { type DnsRecord, decodeRecord, encodeRecord } from './dns-record.ts';
import { DnsWriter } from './dns-writer.ts';

export * from './dns-constants.ts';
export {
  DnsFormatError,
  type DnsName,
  decodeName,
  formatName,
  isWireName,
  nameKey,
  parseName,
} from './dns-name.ts';
export type { DnsData, DnsRecord, SoaData } from './dns-record.ts';

export interface DnsQuestion {
  readonly name: DnsName;
  readonly type: number;
  readonly class: number;
}

export interface DnsMessage {
  readonly id: number;
  /** The header's second word without opcode and rcode: `HeaderFlag`s. */
  readonly flags: number;
  readonly opcode: number;
  /** 0 to 15, as in the header; `extendedRcode()` adds the OPT record's bits. */
  readonly rcode: number;
  readonly questions: readonly DnsQuestion[];
  readonly answers: readonly DnsRecord[];
  readonly authorities: readonly DnsRecord[];
  readonly additionals: readonly DnsRecord[];
}

/** What an OPT record says (RFC 6891 §6.1.2). */
export interface Edns {
  /** The UDP payload size, as sent: a value below 512 means 512. */
  readonly udpSize: number;
  readonly extendedRcode: number;
  readonly version: number;
  readonly dnssecOk: boolean;
}

export function encodeMessage(message: DnsMessage): Buffer {
  const writer = new DnsWriter();
  writer.u16(message.id).u16((message.flags & 0x87f0) | ((message.opcode & 15) << 11) | (message.rcode & 15));
  writer.u16(message.questions.length).u16(message.answers.length);
  writer.u16(message.authorities.length).u16(message.additionals.length);
  for (const question of message.questions) writer.name(question.name).u16(question.type).u16(question.class);
  for (const section of [message.answers, message.authorities, message.additionals]) {
    for (const record of section) encodeRecord(writer, record);
  }
  return writer.finish();
}

/** Reads a whole message; bytes after its last record are ignored. Throws a `DnsFormatError` only. */
export function decodeMessage(bytes: Uint8Array): DnsMessage {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (buffer.length < HEADER_BYTES)
    throw new DnsFormatError(`${buffer.length} bytes are shorter than a header`);
  const word = buffer.readUInt16BE(2);
  let offset = HEADER_BYTES;
  const questions: DnsQuestion[] = [];
  for (let count = buffer.readUInt16BE(4); count > 0; count--) {
    const { name, next } = decodeName(buffer, offset);
    if (next + 4 > buffer.length) throw new DnsFormatError(`a question is cut off at byte ${next}`);
    questions.push({ name, type: buffer.readUInt16BE(next), class: buffer.readUInt16BE(next + 2) });
    offset = next + 4;
  }
  const section = (count: number): DnsRecord[] => {
    const records: DnsRecord[] = [];
    for (; count > 0; count--) {
      const { record, next } = decodeRecord(buffer, offset);
      records.push(record);
      offset = next;
    }
    return records;
  };
  return {
    id: buffer.readUInt16BE(0),
    flags: word & 0x87f0,
    opcode: (word >> 11) & 15,
    rcode: word & 15,
    questions,
    answers: section(buffer.readUInt16BE(6)),
    authorities: section(buffer.readUInt16BE(8)),
    additionals: section(buffer.readUInt16BE(10)),
  };
}

/** What an OPT record says; undefined when the record is of another type. */
export function ednsOf(record: DnsRecord): Edns | undefined {
  if (record.type !== RecordType.OPT) return undefined;
  return {
    udpSize: record.class,
    extendedRcode: record.ttl >>> 24,
    version: (record.ttl >>> 16) & 0xff,
    dnssecOk: (record.ttl & 0x8000) !== 0,
  };
}

/** An OPT record without options. */
export function ednsRecord(edns: Edns): DnsRecord {
  const ttl = ((edns.extendedRcode << 24) | (edns.version << 16) | (edns.dnssecOk ? 0x8000 : 0)) >>> 0;
  return {
    name: [],
    type: RecordType.OPT,
    class: edns.udpSize,
    ttl,
    data: { kind: 'opaque', bytes: new Uint8Array() },
  };
}

/** A query as a stub resolver sends it. */
export function encodeQuery(id: number, question: DnsQuestion, flags: number, edns?: Edns): Buffer {
  const additionals = edns === undefined ? [] : [ednsRecord(edns)];
  return encodeMessage({
    id,
    flags,
    opcode: 0,
    rcode: 0,
    questions: [question],
    answers: [],
    authorities: [],
    additionals,
  });
}
