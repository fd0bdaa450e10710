/** Data, in presentation form, of record types that the server passes on as bytes. */
import { typeNumber } from './dns-constants.ts';
import { type Fields, RecordTextError, unescapeText } from './dns-text-fields.ts';
import { locationData } from './dns-text-location.ts';
import { serviceData } from './dns-text-service.ts';
import { DnsWriter } from './dns-writer.ts';

type Part = (fields: Fields, writer: DnsWriter) => void;

const u8 =
  (what: string): Part =>
  (fields, writer) =>
    void writer.u8(fields.number(what, 0xff));
const u16 =
  (what: string): Part =>
  (fields, writer) =>
    void writer.u16(fields.number(what, 0xffff));
const u32 =
  (what: string): Part =>
  (fields, writer) =>
    void writer.u32(fields.number(what, 0xffffffff));
/** Names in these types are never compressed (RFC 3597 §4). */
const name =
  (what: string): Part =>
  (fields, writer) =>
    void writer.name(fields.name(what), false);
/** A text with its length before it. */
const text =
  (what: string): Part =>
  (fields, writer) => {
    const bytes = unescapeText(fields.text(what));
    if (bytes.length > 0xff) throw new RecordTextError(`${fields.type}: ${what} has more than 255 bytes`);
    writer.u8(bytes.length).latin1(bytes);
  };
const rawText =
  (what: string): Part =>
  (fields, writer) =>
    void writer.latin1(unescapeText(fields.text(what)));
/** All words that are left. */
const rest =
  (encoding: 'hex' | 'base64', what: string): Part =>
  (fields, writer) => {
    const encoded = fields.rest(what);
    if (encoding === 'hex' && !/^([0-9a-f]{2})*$/i.test(encoded))
      throw new RecordTextError(`${fields.type}: ${what} is not in hex`);
    writer.bytes(Buffer.from(encoded, encoding));
  };

const DIGEST: readonly Part[] = [
  u16('the key tag'),
  u8('the algorithm'),
  u8('the digest type'),
  rest('hex', 'the digest'),
];
const KEY: readonly Part[] = [
  u16('the flags'),
  u8('the protocol'),
  u8('the algorithm'),
  rest('base64', 'the key'),
];
const ASSOCIATION: readonly Part[] = [
  u8('the usage'),
  u8('the selector'),
  u8('the matching type'),
  rest('hex', 'the data'),
];
const PREFERRED_NAME: readonly Part[] = [u16('the preference'), name('the host')];
const SERVICE: readonly Part[] = [serviceData];

/** By type, the parts of its data in order. */
const PARTS: Readonly<Record<number, readonly Part[]>> = {
  13: [text('the hardware'), text('the system')], // HINFO
  17: [name('the mail address'), name('the name of a text')], // RP
  18: PREFERRED_NAME, // AFSDB
  29: [locationData], // LOC
  35: [
    u16('the order'),
    u16('the preference'),
    text('the flags'),
    text('the service'),
    text('the pattern'),
    name('the replacement'),
  ], // NAPTR
  36: PREFERRED_NAME, // KX
  37: [u16('the type'), u16('the key tag'), u8('the algorithm'), rest('base64', 'the certificate')], // CERT
  39: [name('the target')], // DNAME
  43: DIGEST, // DS
  44: [u8('the algorithm'), u8('the type'), rest('hex', 'the fingerprint')], // SSHFP
  46: [
    signedType,
    u8('the algorithm'),
    u8('the labels'),
    u32('the original TTL'),
    time('the expiration'),
    time('the inception'),
    u16('the key tag'),
    name('the signer'),
    rest('base64', 'the signature'),
  ], // RRSIG
  47: [name('the next name'), typeBitmaps], // NSEC
  48: KEY, // DNSKEY
  50: [u8('the algorithm'), u8('the flags'), u16('the iterations'), salt, nextHash, typeBitmaps], // NSEC3
  51: [u8('the algorithm'), u8('the flags'), u16('the iterations'), salt], // NSEC3PARAM
  52: ASSOCIATION, // TLSA
  53: ASSOCIATION, // SMIMEA
  59: DIGEST, // CDS
  60: KEY, // CDNSKEY
  61: [rest('base64', 'the key')], // OPENPGPKEY
  62: [u32('the serial'), u16('the flags'), typeBitmaps], // CSYNC
  63: [u32('the serial'), u8('the scheme'), u8('the algorithm'), rest('hex', 'the digest')], // ZONEMD
  64: SERVICE, // SVCB
  65: SERVICE, // HTTPS
  256: [u16('the priority'), u16('the weight'), rawText('the target')], // URI
  257: [u8('the flags'), text('the tag'), rawText('the value')], // CAA
};

/** Throws a `RecordTextError` for types that are not known in this form. */
export function opaqueData(type: number, fields: Fields): Uint8Array {
  const parts = PARTS[type];
  if (parts === undefined)
    throw new RecordTextError(`${fields.type}: its data has to be written as \\# LENGTH HEX (RFC 3597)`);
  const writer = new DnsWriter();
  for (const part of parts) part(fields, writer);
  return Uint8Array.from(writer.finish());
}

function signedType(fields: Fields, writer: DnsWriter): void {
  writer.u16(typeOf(fields));
}

function typeOf(fields: Fields): number {
  const word = fields.text('the type');
  const type = typeNumber(word);
  if (type === undefined) throw new RecordTextError(`${fields.type}: there is no type ${word}`);
  return type;
}

/** `YYYYMMDDHHmmSS`, or seconds since 1970 (RFC 4034 §3.2). */
function time(what: string): Part {
  return (fields, writer) => {
    const word = fields.text(what);
    const [, year, month, day, hour, minute, second] =
      /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)$/.exec(word) ?? [];
    const seconds =
      year === undefined
        ? Number(word)
        : Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`) / 1000;
    if (!Number.isSafeInteger(seconds) || seconds < 0)
      throw new RecordTextError(`${fields.type}: ${what} is ${word}, no time such as 20260131120000`);
    writer.u32(seconds % 2 ** 32);
  };
}

/** Hex with its length before it; `-`: none. */
function salt(fields: Fields, writer: DnsWriter): void {
  const word = fields.text('the salt');
  if (word !== '-' && !/^([0-9a-f]{2}){1,255}$/i.test(word))
    throw new RecordTextError(`${fields.type}: the salt ${word} is not in hex`);
  const bytes = word === '-' ? Buffer.alloc(0) : Buffer.from(word, 'hex');
  writer.u8(bytes.length).bytes(bytes);
}

const BASE32_HEX = '0123456789ABCDEFGHIJKLMNOPQRSTUV';

function nextHash(fields: Fields, writer: DnsWriter): void {
  const word = fields.text('the next hash').toUpperCase();
  const bytes: number[] = [];
  let [bits, held] = [0, 0];
  for (const char of word) {
    const value = BASE32_HEX.indexOf(char);
    if (value < 0) throw new RecordTextError(`${fields.type}: the next hash ${word} is not in base32`);
    bits = ((bits << 5) | value) & 0xfff;
    held += 5;
    if (held < 8) continue;
    held -= 8;
    bytes.push((bits >> held) & 0xff);
  }
  if (bytes.length > 0xff) throw new RecordTextError(`${fields.type}: the next hash is too long`);
  writer.u8(bytes.length).bytes(Uint8Array.from(bytes));
}

/** The types that are left, as bits (RFC 4034 §4.1.2). */
function typeBitmaps(fields: Fields, writer: DnsWriter): void {
  const windows = new Map<number, Uint8Array>();
  while (fields.left > 0) {
    const type = typeOf(fields);
    const bits = windows.get(type >> 8) ?? new Uint8Array(32);
    windows.set(type >> 8, bits);
    const byte = (type & 0xff) >> 3;
    bits[byte] = (bits[byte] ?? 0) | (0x80 >> (type & 7));
  }
  for (const [window, bits] of [...windows].toSorted(([a], [b]) => a - b)) {
    const length = bits.findLastIndex((byte) => byte !== 0) + 1;
    writer.u8(window).u8(length).bytes(bits.subarray(0, length));
  }
}
