/** Messages in the words of the recordings, and back. */
import {
  CLASS_IN,
  type DnsMessage,
  type DnsName,
  type DnsRecord,
  decodeMessage,
  ednsOf,
  encodeMessage,
  formatName,
  HeaderFlag,
  parseName,
  RecordType,
  rcodeName,
  typeName,
  typeNumber,
} from '#wire/dns.ts';
import { parseRecord } from '#wire/dns-text.ts';
import type {
  RecordedAnswer,
  RecordedEdns,
  RecordedQuery,
  RecordedRecord,
  SentEdns,
} from './dns-recording.ts';

const FLAGS = {
  qr: HeaderFlag.QR,
  aa: HeaderFlag.AA,
  tc: HeaderFlag.TC,
  rd: HeaderFlag.RD,
  ra: HeaderFlag.RA,
  z: 0x40,
  ad: HeaderFlag.AD,
  cd: HeaderFlag.CD,
} as const;
const OPCODES = ['QUERY', 'IQUERY', 'STATUS', 'OPCODE3', 'NOTIFY', 'UPDATE'];
const CLASSES: Readonly<Record<string, number>> = { IN: 1, CH: 3, HS: 4, NONE: 254, ANY: 255 };
const CLASS_NAMES = new Map(Object.entries(CLASSES).map(([name, number]) => [number, name]));
const HINFO = 13;
const DNSSEC_OK = 0x8000;

/** One response; of a zone transfer, all of them, with the records of all. Throws an error for what is no whole message. */
export function wordMessages(messages: readonly Buffer[]): RecordedAnswer {
  const decoded = messages.map((bytes) => decodeMessage(bytes));
  const [first] = decoded;
  if (first === undefined) throw new Error('there is no message');
  const opt = first.additionals.find(({ type }) => type === RecordType.OPT);
  const rcode = first.rcode | ((opt === undefined ? 0 : opt.ttl >>> 24) << 4);
  const answers = decoded.flatMap((message) => message.answers);
  return {
    rcode: rcodeName(rcode) ?? String(rcode),
    ...(first.opcode !== 0 && { opcode: OPCODES[first.opcode] ?? `OPCODE${first.opcode}` }),
    flags: wordFlags(first.flags),
    question: first.questions.map(
      ({ name, type, class: number }) => `${formatName(name)} ${wordClass(number)} ${typeName(type)}`,
    ),
    answer: answers.map(wordRecord),
    authority: first.authorities.map(wordRecord),
    additional: first.additionals.filter((record) => record !== opt).map(wordRecord),
    edns: opt === undefined ? null : wordEdns(opt),
    ...wordOrder(answers),
  };
}

/** How CNAME and SOA records lie among the others, where there are others. */
function wordOrder(answers: readonly DnsRecord[]): Pick<RecordedAnswer, 'cnameFirst'> {
  const kinds = answers.map(({ type }) => type === RecordType.CNAME);
  if (!kinds.includes(true) || !kinds.includes(false)) return {};
  return { cnameFirst: kinds.lastIndexOf(true) < kinds.indexOf(false) };
}

/** Whether nothing is behind the last record. */
export function isWholeMessage(bytes: Buffer): boolean {
  try {
    decodeMessage(bytes.subarray(0, -1));
    return false;
  } catch {
    return true;
  }
}

export function wordFlags(flags: number): string[] {
  return Object.entries(FLAGS).flatMap(([flag, bit]) => ((flags & bit) === 0 ? [] : [flag]));
}

export function wordEdns(opt: DnsRecord): RecordedEdns | null {
  const edns = ednsOf(opt);
  if (edns === undefined || opt.data.kind !== 'opaque') return null;
  const bytes = Buffer.from(opt.data.bytes);
  const options: { code: number; hex: string }[] = [];
  for (let at = 0; at + 4 <= bytes.length; at += 4 + bytes.readUInt16BE(at + 2)) {
    const hex = bytes.toString('hex', at + 4, at + 4 + bytes.readUInt16BE(at + 2));
    options.push({ code: bytes.readUInt16BE(at), hex });
  }
  const { udpSize: size, version, dnssecOk } = edns;
  return { size, version, do: dnssecOk, ...(options.length > 0 && { options }) };
}

export function wordClass(number: number): string {
  return CLASS_NAMES.get(number) ?? `CLASS${number}`;
}

export function wordRecord({ name, type, class: number, ttl, data }: DnsRecord): RecordedRecord {
  return {
    name: formatName(name),
    type: typeName(type),
    ttl,
    data: wordData(type, data),
    ...(number !== CLASS_IN && { class: wordClass(number) }),
  };
}

/** Owner, TTL, type and data of records, sorted. */
export function wordRecords(records: readonly DnsRecord[]): string[] {
  return records
    .map(wordRecord)
    .map(({ name, ttl, type, data }) => `${name} ${ttl} ${type} ${data}`)
    .sort();
}

function wordData(type: number, data: DnsRecord['data']): string {
  switch (data.kind) {
    case 'address':
      return data.address;
    case 'name':
      return formatName(data.target);
    case 'srv':
      return `${data.priority} ${data.weight} ${data.port} ${formatName(data.target)}`;
    case 'mx':
      return `${data.preference} ${formatName(data.exchange)}`;
    case 'text':
      return wordTexts(data.texts);
    case 'soa':
      return `${formatName(data.mname)} ${formatName(data.rname)} SERIAL ${data.refresh} ${data.retry} ${data.expire} ${data.minimum}`;
    default:
      return type === HINFO
        ? wordTexts(textsOf(Buffer.from(data.bytes)))
        : `\\# ${data.bytes.length} ${Buffer.from(data.bytes).toString('hex')}`;
  }
}

function wordTexts(texts: readonly string[]): string {
  return texts.map((text) => `"${text.replaceAll(/["\\]/g, '\\$&')}"`).join(' ');
}

function textsOf(bytes: Buffer): string[] {
  const texts: string[] = [];
  for (let at = 0; at < bytes.length; at += 1 + (bytes[at] ?? 0))
    texts.push(bytes.toString('latin1', at + 1, at + 1 + (bytes[at] ?? 0)));
  return texts;
}

/** A query as the recordings describe it. */
export function encodeRecordedQuery(query: RecordedQuery, id: number): Buffer {
  if (query.raw !== undefined) return Buffer.from(query.raw, 'hex');
  const { q = '.', type = 'A', class: ofClass = 'IN', opcode = 'QUERY', authority = [], edns } = query;
  const questions = query.questions ?? [{ q, type, class: ofClass }];
  const message: DnsMessage = {
    id,
    flags: flagBits({ rd: true, ...query.flags }),
    opcode: OPCODES.includes(opcode) ? OPCODES.indexOf(opcode) : Number(opcode),
    rcode: 0,
    questions: questions.map((question) => ({
      name: nameOf(question.q),
      type: typeNumber(question.type ?? 'A') ?? 0,
      class: classNumber(question.class ?? 'IN'),
    })),
    answers: [],
    authorities: authority.map(recordOf),
    additionals: [edns ?? []].flat().map(optRecord),
  };
  return encodeMessage(message);
}

function flagBits(flags: Readonly<Record<string, boolean | number>>): number {
  const set = Object.entries(FLAGS).filter(([flag]) => Boolean(flags[flag]));
  return set.reduce((bits, [, bit]) => bits | bit, 0);
}

function nameOf(text: string): DnsName {
  const name = parseName(text);
  if (name === undefined) throw new Error(`${text} is no name`);
  return name;
}

function classNumber(name: string): number {
  return CLASSES[name] ?? Number(name.replace('CLASS', ''));
}

export function recordOf({ name, ttl, type, data, class: ofClass = 'IN' }: RecordedRecord): DnsRecord {
  return { ...parseRecord(`${name} ${ttl} ${type} ${data}`), class: classNumber(ofClass) };
}

export function optRecord({
  size = 1232,
  version = 0,
  do: dnssecOk = false,
  z = 0,
  options = [],
}: SentEdns): DnsRecord {
  const bytes = options.map(({ code, hex }) => {
    const head = Buffer.alloc(4);
    head.writeUInt16BE(code, 0);
    head.writeUInt16BE(hex.length / 2, 2);
    return Buffer.concat([head, Buffer.from(hex, 'hex')]);
  });
  const ttl = ((version << 16) | (dnssecOk ? DNSSEC_OK : 0) | z) >>> 0;
  const data = { kind: 'opaque', bytes: Buffer.concat(bytes) } as const;
  return { name: [], type: RecordType.OPT, class: size, ttl, data };
}
