/** Data of SVCB and HTTPS records in presentation form (RFC 9460 §2.1). */
import { ipToBytes, parseIp } from '#lib/ip.ts';
import { type Fields, RecordTextError, unescapeText } from './dns-text-fields.ts';
import { DnsWriter } from './dns-writer.ts';

type Value = (value: string | undefined, key: string) => Uint8Array;

const KEYS: readonly (readonly [name: string, value: Value])[] = [
  ['mandatory', (value, key) => list(value, key, (name) => numberBytes(keyNumber(name)))],
  ['alpn', (value, key) => list(value, key, lengthAndText)],
  ['no-default-alpn', noValue],
  ['port', (value, key) => numberBytes(portOf(value, key))],
  ['ipv4hint', (value, key) => list(value, key, (text) => addressBytes(text, 4))],
  ['ech', (value) => Buffer.from(value ?? '', 'base64')],
  ['ipv6hint', (value, key) => list(value, key, (text) => addressBytes(text, 6))],
  ['dohpath', (value) => latin1(value ?? '')],
  ['ohttp', noValue],
];

export function serviceData(fields: Fields, writer: DnsWriter): void {
  writer.u16(fields.number('the priority', 0xffff)).name(fields.name('the target'), false);
  const params = new Map<number, Uint8Array>();
  while (fields.left > 0) {
    const word = fields.text('a parameter');
    const [, name = '', rest] = /^([a-z0-9-]+)(?:=([^]*))?$/.exec(word) ?? [];
    // `splitTokens()` makes two of KEY="VALUE".
    const value = rest === '' && fields.left > 0 ? fields.text('the value') : rest;
    const key = keyNumber(name);
    if (params.has(key)) throw new RecordTextError(`${fields.type}: ${name} is there twice`);
    const encode = KEYS[key]?.[1] ?? ((raw: string | undefined) => latin1(raw ?? ''));
    params.set(key, encode(value, name));
  }
  for (const [key, value] of [...params].toSorted(([a], [b]) => a - b))
    writer.u16(key).u16(value.length).bytes(value);
}

function keyNumber(name: string): number {
  const known = KEYS.findIndex(([key]) => key === name);
  if (known >= 0) return known;
  const number = /^key(\d{1,5})$/.exec(name)?.[1];
  if (number === undefined || Number(number) > 0xffff)
    throw new RecordTextError(`there is no parameter ${name}; others than those known are written key65`);
  return Number(number);
}

function list(value: string | undefined, key: string, encode: (item: string) => Uint8Array): Uint8Array {
  if (value === undefined || value === '') throw new RecordTextError(`${key} needs a value`);
  return Buffer.concat(value.split(',').map(encode));
}

function noValue(value: string | undefined, key: string): Uint8Array {
  if (value !== undefined) throw new RecordTextError(`${key} takes no value`);
  return new Uint8Array();
}

function portOf(value: string | undefined, key: string): number {
  if (value === undefined || !/^\d{1,5}$/.test(value) || Number(value) > 0xffff)
    throw new RecordTextError(`${key} is ${value ?? 'missing'}, not a port`);
  return Number(value);
}

function numberBytes(value: number): Uint8Array {
  return new DnsWriter().u16(value).finish();
}

function addressBytes(text: string, family: 4 | 6): Uint8Array {
  const address = parseIp(text);
  if (address === undefined || address.includes(':') !== (family === 6))
    throw new RecordTextError(`${text} is no IPv${family} address`);
  return ipToBytes(address);
}

function lengthAndText(text: string): Uint8Array {
  const bytes = latin1(text);
  if (bytes.length > 0xff) throw new RecordTextError(`${text} has more than 255 bytes`);
  return Buffer.concat([Buffer.from([bytes.length]), bytes]);
}

function latin1(text: string): Buffer {
  return Buffer.from(unescapeText(text), 'latin1');
}
