/** Records in their presentation form (RFC 1035 §5, RFC 3597 §5), as zone files and templates have them. */
import { parseIp } from '#lib/ip.ts';
import { CLASS_IN, RecordType, typeNumber } from './dns-constants.ts';
import { type DnsName, isWireName, parseName } from './dns-name.ts';
import type { DnsData, DnsRecord } from './dns-record.ts';
import { DnsWriter } from './dns-writer.ts';

/** Text that is no record. The message says what was expected. */
export class RecordTextError extends Error {
  override readonly name = 'RecordTextError';
}

/** A word of a record's text; quoted ones keep what escapes stand for. */
export interface TextToken {
  readonly text: string;
  readonly quoted: boolean;
}

/** Splits at spaces, keeps `"…"` together and drops what follows a `;`. */
export function splitTokens(line: string): TextToken[] {
  const tokens: TextToken[] = [];
  const words = /"((?:\\[^]|[^"\\])*)("?)|;.*|((?:\\[^]|[^\s";\\])+\\?)/g;
  for (const [whole, quoted, closing, plain] of line.matchAll(words)) {
    if (whole.startsWith(';')) break;
    if (plain !== undefined) tokens.push({ text: plain, quoted: false });
    else if (closing === '"') tokens.push({ text: quoted ?? '', quoted: true });
    else throw new RecordTextError(`the quoted text ${whole} has no closing "`);
  }
  return tokens;
}

/** Reads a name; one without a last dot is of `origin`, `@` is the origin itself. */
export function parseNameIn(text: string, origin: DnsName): DnsName {
  if (text === '@') return origin;
  const name = parseName(text);
  const isWhole = text.endsWith('.') && !/(^|[^\\])(\\\\)*\\\.$/.test(text);
  const whole = name === undefined || isWhole ? name : [...name, ...origin];
  if (whole === undefined || !isWireName(whole)) throw new RecordTextError(`${text} is no domain name`);
  return whole;
}

/** `3600`, or with units as in `1h30m`; in seconds. Undefined when it is no TTL. */
export function parseTtl(text: string): number | undefined {
  if (/^\d+$/.test(text)) return Number(text) <= 0xffffffff ? Number(text) : undefined;
  if (!/^(\d+[smhdw])+$/i.test(text)) return undefined;
  const units: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 };
  let seconds = 0;
  for (const [, number, unit] of text.matchAll(/(\d+)([smhdw])/gi)) {
    seconds += Number(number) * (units[(unit ?? '').toLowerCase()] ?? 0);
  }
  return seconds <= 0xffffffff ? seconds : undefined;
}

export interface RecordDefaults {
  readonly origin: DnsName;
  /** Seconds, when the record has none. */
  readonly ttl: number;
}

/** Reads `NAME [TTL] [CLASS] TYPE DATA`, on one line. Throws a `RecordTextError` only. */
export function parseRecord(text: string, defaults: RecordDefaults = { origin: [], ttl: 3600 }): DnsRecord {
  const [owner, ...rest] = splitTokens(text);
  if (owner === undefined) throw new RecordTextError('the record is empty');
  return parseRecordOf(parseNameIn(owner.text, defaults.origin), rest, defaults);
}

/** Reads `[TTL] [CLASS] TYPE DATA` (TTL and class in any order) for a name. */
export function parseRecordOf(
  name: DnsName,
  tokens: readonly TextToken[],
  { origin, ttl: defaultTtl }: RecordDefaults,
): DnsRecord {
  let ttl = defaultTtl;
  let at = 0;
  for (; at < 2; at++) {
    const word = tokens[at]?.text ?? '';
    const seconds = parseTtl(word);
    if (seconds !== undefined) ttl = seconds;
    else if (/^(CH|HS|NONE)$/i.test(word)) throw new RecordTextError(`class ${word}: only IN is supported`);
    else if (!/^IN$/i.test(word)) break;
  }
  const typeText = tokens[at]?.text;
  const type = typeText === undefined ? undefined : typeNumber(typeText);
  if (type === undefined)
    throw new RecordTextError(
      typeText === undefined ? 'the type is missing' : `there is no type ${typeText}`,
    );
  const data = parseData(type, new Fields(typeText ?? '', tokens.slice(at + 1), origin));
  return { name, type, class: CLASS_IN, ttl, data };
}

/** Words of a record's data, taken from left to right. */
class Fields {
  readonly type: string;
  readonly #tokens: readonly TextToken[];
  readonly #origin: DnsName;
  #at = 0;

  constructor(type: string, tokens: readonly TextToken[], origin: DnsName) {
    this.type = type.toUpperCase();
    this.#tokens = tokens;
    this.#origin = origin;
  }

  get left(): number {
    return this.#tokens.length - this.#at;
  }

  peek(): string | undefined {
    return this.#tokens[this.#at]?.text;
  }

  text(what: string): string {
    const token = this.#tokens[this.#at++];
    if (token === undefined) throw new RecordTextError(`${this.type}: ${what} is missing`);
    return token.text;
  }

  name(what: string): DnsName {
    return parseNameIn(this.text(what), this.#origin);
  }

  number(what: string, max: number): number {
    const text = this.text(what);
    const value = parseTtl(text);
    if (value === undefined || value > max)
      throw new RecordTextError(`${this.type}: ${what} is ${text}, not a number up to ${max}`);
    return value;
  }

  /** What is left, without spaces. */
  rest(what: string): string {
    let text = this.text(what);
    while (this.left > 0) text += this.text(what);
    return text;
  }

  end(): void {
    if (this.left > 0)
      throw new RecordTextError(`${this.type}: ${this.peek() ?? ''} is more than the record can hold`);
  }
}

function parseData(type: number, fields: Fields): DnsData {
  const data = fields.peek() === '\\#' ? genericData(fields) : dataOf(type, fields);
  fields.end();
  return data;
}

const DNAME = 39;

function dataOf(type: number, fields: Fields): DnsData {
  switch (type) {
    case RecordType.A:
    case RecordType.AAAA:
      return addressData(type, fields);
    case RecordType.NS:
    case RecordType.CNAME:
    case RecordType.PTR:
      return { kind: 'name', target: fields.name('the target') };
    case RecordType.MX:
      return {
        kind: 'mx',
        preference: fields.number('the preference', 0xffff),
        exchange: fields.name('the host'),
      };
    case RecordType.SRV:
      return {
        kind: 'srv',
        priority: fields.number('the priority', 0xffff),
        weight: fields.number('the weight', 0xffff),
        port: fields.number('the port', 0xffff),
        target: fields.name('the target'),
      };
    case RecordType.TXT:
    case 99:
      return { kind: 'text', texts: characterStrings(fields) };
    case RecordType.SOA:
      return soaData(fields);
    default:
      return { kind: 'opaque', bytes: opaqueData(type, fields) };
  }
}

function addressData(type: number, fields: Fields): DnsData {
  const text = fields.text('the address');
  const address = parseIp(text);
  const isWanted = address?.includes(':') === (type === RecordType.AAAA);
  if (address === undefined || !isWanted)
    throw new RecordTextError(`${fields.type}: ${text} is no IPv${type === RecordType.A ? 4 : 6} address`);
  return { kind: 'address', address };
}

function soaData(fields: Fields): DnsData {
  const seconds = (what: string): number => fields.number(what, 0xffffffff);
  return {
    kind: 'soa',
    mname: fields.name('the primary server'),
    rname: fields.name('the mail address'),
    serial: seconds('the serial'),
    refresh: seconds('refresh'),
    retry: seconds('retry'),
    expire: seconds('expire'),
    minimum: seconds('the minimum TTL'),
  };
}

/** Texts of at most 255 bytes each; longer ones are split. */
function characterStrings(fields: Fields): string[] {
  const texts: string[] = [];
  do {
    const text = unescapeText(fields.text('the text'));
    for (let at = 0; at === 0 || at < text.length; at += 255) texts.push(text.slice(at, at + 255));
  } while (fields.left > 0);
  return texts;
}

/** Resolves `\DDD` and `\X`; the result has one char per byte, text beyond ASCII as UTF-8. */
function unescapeText(text: string): string {
  const bytes = Buffer.from(text, 'utf8').toString('latin1');
  return bytes.replaceAll(/\\(\d{3})|\\([^])/g, (_, decimal: string | undefined, char: string) =>
    decimal === undefined ? char : String.fromCharCode(Number(decimal) & 0xff),
  );
}

/** `\# LENGTH HEX` (RFC 3597). */
function genericData(fields: Fields): DnsData {
  fields.text('\\#');
  const length = fields.number('the length', 0xffff);
  const hex = length === 0 ? '' : fields.rest('the data');
  if (!/^([0-9a-f]{2})*$/i.test(hex) || hex.length !== 2 * length)
    throw new RecordTextError(`${fields.type}: the data has not the ${length} bytes in hex that it says`);
  return { kind: 'opaque', bytes: Buffer.from(hex, 'hex') };
}

/** Data of types that pass as bytes; names in them are never compressed (RFC 3597 §4). */
function opaqueData(type: number, fields: Fields): Uint8Array {
  const writer = new DnsWriter();
  const text = (what: string): void => {
    const first = unescapeText(fields.text(what));
    if (first.length > 255) throw new RecordTextError(`${fields.type}: ${what} has more than 255 bytes`);
    writer.u8(first.length).latin1(first);
  };
  const bytes = (encoding: 'hex' | 'base64', what: string): void => {
    writer.bytes(Buffer.from(fields.rest(what), encoding));
  };
  switch (type) {
    case DNAME:
      writer.name(fields.name('the target'), false);
      break;
    case 13: // HINFO
      text('the hardware');
      text('the system');
      break;
    case 35: // NAPTR
      writer.u16(fields.number('the order', 0xffff)).u16(fields.number('the preference', 0xffff));
      for (const what of ['the flags', 'the service', 'the pattern']) text(what);
      writer.name(fields.name('the replacement'), false);
      break;
    case 43: // DS
    case 59:
      writer.u16(fields.number('the key tag', 0xffff)).u8(fields.number('the algorithm', 255));
      writer.u8(fields.number('the digest type', 255));
      bytes('hex', 'the digest');
      break;
    case 44: // SSHFP
      writer.u8(fields.number('the algorithm', 255)).u8(fields.number('the type', 255));
      bytes('hex', 'the fingerprint');
      break;
    case 48: // DNSKEY
    case 60:
      writer.u16(fields.number('the flags', 0xffff)).u8(fields.number('the protocol', 255));
      writer.u8(fields.number('the algorithm', 255));
      bytes('base64', 'the key');
      break;
    case 52: // TLSA
      writer.u8(fields.number('the usage', 255)).u8(fields.number('the selector', 255));
      writer.u8(fields.number('the matching type', 255));
      bytes('hex', 'the data');
      break;
    case 257: {
      writer.u8(fields.number('the flags', 255));
      text('the tag');
      writer.latin1(unescapeText(fields.text('the value')));
      break;
    }
    default:
      throw new RecordTextError(`${fields.type}: its data has to be written as \\# LENGTH HEX (RFC 3597)`);
  }
  return Uint8Array.from(writer.finish());
}
