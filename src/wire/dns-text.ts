/** Records in their presentation form (RFC 1035 §5, RFC 3597 §5), as zone files and templates have them. */
import { parseIp } from '#lib/ip.ts';
import { CLASS_IN, RecordType, typeNumber } from './dns-constants.ts';
import type { DnsName } from './dns-name.ts';
import type { DnsData, DnsRecord } from './dns-record.ts';
import { opaqueData } from './dns-text-data.ts';
import {
  Fields,
  parseNameIn,
  parseTtl,
  RecordTextError,
  type TextToken,
  unescapeText,
} from './dns-text-fields.ts';

export { parseNameIn, parseTtl, RecordTextError, type TextToken };

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

export interface RecordDefaults {
  readonly origin: DnsName;
  /** Seconds, when the record has none. */
  readonly ttl: number;
  /** Whether CH and HS are taken beside IN. */
  readonly anyClass?: boolean | undefined;
}

const CLASSES: Readonly<Record<string, number>> = { IN: CLASS_IN, CH: 3, HS: 4 };

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
  { origin, ttl: defaultTtl, anyClass = false }: RecordDefaults,
): DnsRecord {
  let ttl = defaultTtl;
  let recordClass = CLASS_IN;
  let at = 0;
  for (; at < 2; at++) {
    const word = tokens[at]?.text ?? '';
    const seconds = parseTtl(word);
    if (seconds !== undefined) ttl = seconds;
    else if (anyClass && /^(IN|CH|HS)$/i.test(word)) recordClass = CLASSES[word.toUpperCase()] ?? CLASS_IN;
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
  return { name, type, class: recordClass, ttl, data };
}

function parseData(type: number, fields: Fields): DnsData {
  const data = fields.peek() === '\\#' ? genericData(fields) : dataOf(type, fields);
  fields.end();
  return data;
}

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

/** `\# LENGTH HEX` (RFC 3597). */
function genericData(fields: Fields): DnsData {
  fields.text('\\#');
  const length = fields.number('the length', 0xffff);
  const hex = length === 0 ? '' : fields.rest('the data');
  if (!/^([0-9a-f]{2})*$/i.test(hex) || hex.length !== 2 * length)
    throw new RecordTextError(`${fields.type}: the data has not the ${length} bytes in hex that it says`);
  return { kind: 'opaque', bytes: Buffer.from(hex, 'hex') };
}
