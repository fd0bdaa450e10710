import { bytesToIp, ipToBytes } from '#lib/ip.ts';
import { RecordType } from './dns-constants.ts';
import { DnsFormatError, type DnsName, decodeName } from './dns-name.ts';
import type { DnsWriter } from './dns-writer.ts';

/** The data of a record, by shape. What has no shape of its own stays `opaque`. */
export type DnsData =
  | { readonly kind: 'address'; readonly address: string }
  | { readonly kind: 'name'; readonly target: DnsName }
  | {
      readonly kind: 'srv';
      readonly priority: number;
      readonly weight: number;
      readonly port: number;
      readonly target: DnsName;
    }
  | { readonly kind: 'mx'; readonly preference: number; readonly exchange: DnsName }
  | { readonly kind: 'text'; readonly texts: readonly string[] }
  | ({ readonly kind: 'soa' } & SoaData)
  | { readonly kind: 'opaque'; readonly bytes: Uint8Array };

/** Times in seconds (RFC 1035 §3.3.13). */
export interface SoaData {
  readonly mname: DnsName;
  readonly rname: DnsName;
  readonly serial: number;
  readonly refresh: number;
  readonly retry: number;
  readonly expire: number;
  readonly minimum: number;
}

export interface DnsRecord {
  readonly name: DnsName;
  readonly type: number;
  readonly class: number;
  /** Seconds. */
  readonly ttl: number;
  readonly data: DnsData;
}

export function encodeRecord(writer: DnsWriter, record: DnsRecord): void {
  writer.name(record.name).u16(record.type).u16(record.class).u32(record.ttl);
  writer.withLength(() => encodeData(writer, record.data));
}

function encodeData(writer: DnsWriter, data: DnsData): void {
  switch (data.kind) {
    case 'address':
      writer.bytes(ipToBytes(data.address));
      break;
    case 'name':
      writer.name(data.target);
      break;
    case 'srv':
      writer.u16(data.priority).u16(data.weight).u16(data.port).name(data.target, false);
      break;
    case 'mx':
      writer.u16(data.preference).name(data.exchange);
      break;
    case 'text':
      for (const text of data.texts) writer.u8(text.length).latin1(text);
      break;
    case 'soa':
      writer.name(data.mname).name(data.rname).u32(data.serial).u32(data.refresh);
      writer.u32(data.retry).u32(data.expire).u32(data.minimum);
      break;
    case 'opaque':
      writer.bytes(data.bytes);
      break;
  }
}

/** Reads one record; `next` is where the next one begins. Throws a `DnsFormatError` only. */
export function decodeRecord(message: Buffer, offset: number): { record: DnsRecord; next: number } {
  const { name, next: head } = decodeName(message, offset);
  if (head + 10 > message.length) throw new DnsFormatError(`a record is cut off at byte ${head}`);
  const type = message.readUInt16BE(head);
  const start = head + 10;
  const next = start + message.readUInt16BE(head + 8);
  if (next > message.length) throw new DnsFormatError(`a record's data runs past the end at byte ${start}`);
  const data = decodeData(type, message, start, next);
  return {
    record: { name, type, class: message.readUInt16BE(head + 2), ttl: message.readUInt32BE(head + 4), data },
    next,
  };
}

function decodeData(type: number, message: Buffer, start: number, end: number): DnsData {
  const bytes = message.subarray(start, end);
  switch (type) {
    case RecordType.A:
    case RecordType.AAAA:
      expectLength(bytes, type === RecordType.A ? 4 : 16);
      return { kind: 'address', address: bytesToIp(bytes) };
    case RecordType.NS:
    case RecordType.CNAME:
    case RecordType.PTR:
      return { kind: 'name', target: nameUpTo(message, start, end) };
    case RecordType.MX:
      if (bytes.length < 3) throw new DnsFormatError('MX data is too short');
      return { kind: 'mx', preference: bytes.readUInt16BE(0), exchange: nameUpTo(message, start + 2, end) };
    case RecordType.SRV:
      if (bytes.length < 7) throw new DnsFormatError('SRV data is too short');
      return {
        kind: 'srv',
        priority: bytes.readUInt16BE(0),
        weight: bytes.readUInt16BE(2),
        port: bytes.readUInt16BE(4),
        target: nameUpTo(message, start + 6, end),
      };
    case RecordType.TXT:
      return { kind: 'text', texts: decodeTexts(bytes) };
    case RecordType.SOA:
      return decodeSoa(message, start, end);
    default:
      return { kind: 'opaque', bytes };
  }
}

function expectLength(bytes: Buffer, length: number): void {
  if (bytes.length !== length)
    throw new DnsFormatError(`an address has ${bytes.length} bytes, not ${length}`);
}

function nameUpTo(message: Buffer, start: number, end: number): DnsName {
  const { name, next } = decodeName(message, start);
  if (next !== end) throw new DnsFormatError(`the name at byte ${start} does not end with its record`);
  return name;
}

function decodeTexts(bytes: Buffer): string[] {
  const texts: string[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = at + 1 + (bytes[at] ?? 0);
    if (end > bytes.length) throw new DnsFormatError('TXT data runs past its record');
    texts.push(bytes.toString('latin1', at + 1, end));
    at = end;
  }
  return texts;
}

function decodeSoa(message: Buffer, start: number, end: number): DnsData {
  const { name: mname, next: second } = decodeName(message, start);
  const { name: rname, next: numbers } = decodeName(message, second);
  if (numbers + 20 !== end) throw new DnsFormatError('SOA data does not have five numbers after its names');
  const [serial = 0, refresh = 0, retry = 0, expire = 0, minimum = 0] = [0, 4, 8, 12, 16].map((at) =>
    message.readUInt32BE(numbers + at),
  );
  return { kind: 'soa', mname, rname, serial, refresh, retry, expire, minimum };
}
