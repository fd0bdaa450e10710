import { HEADER_BYTES, Opcode, RecordType } from './dns-constants.ts';
import { isShaped } from './dns-edns-shapes.ts';

/** What a look-up needs to know of a query. One object is used again for every query. */
export interface PlainQuery {
  /** Offset behind the name's final zero. */
  nameEnd: number;
  /** Offset behind the question. */
  questionEnd: number;
  type: number;
  /** Of the name, as by `hashName()`. */
  hash: number;
  hasEdns: boolean;
  /** As offered; a value below 512 means 512. */
  udpSize: number;
  dnssecOk: boolean;
}

/** The lower case of every byte; that of a letter in ASCII, all others stay. */
const LOWER = Uint8Array.from({ length: 256 }, (_, byte) =>
  byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte,
);

const HASH_PRIME = 0x01000193;
const MAX_LABEL = 63;
const MAX_NAME = 255;
const CLASS_IN = 1;
const OPT_HEADER_BYTES = 11;

export function lowerCase(byte: number): number {
  return LOWER[byte] ?? byte;
}

/** FNV-1a of a name in wire form and lower case, from a seed of the caller's in place of the usual start. */
export function hashName(name: Uint8Array, seed: number): number {
  let hash = seed;
  for (const byte of name) hash = Math.imul(hash ^ byte, HASH_PRIME);
  return hash;
}

/** The same of the labels between two offsets, whatever their case. */
export function hashLabels(bytes: Uint8Array, start: number, end: number, seed: number): number {
  let hash = seed;
  for (let at = start; at < end; at++) hash = Math.imul(hash ^ (LOWER[bytes[at] ?? 0] ?? 0), HASH_PRIME);
  return hash;
}

/** Whether the name at an offset is this one, which is in lower case. */
export function isName(bytes: Uint8Array, offset: number, name: Uint8Array): boolean {
  for (let i = 0; i < name.length; i++) {
    if (name[i] !== LOWER[bytes[offset + i] ?? 0]) return false;
  }
  return true;
}

/**
 * Reads the query in `length` bytes from `start` on, without allocating. False when it is not of the kind
 * that nearly all are: opcode QUERY, one question of class IN, no records but one OPT of version 0.
 */
export function readPlainQuery(
  bytes: Uint8Array,
  start: number,
  length: number,
  seed: number,
  into: PlainQuery,
): boolean {
  const end = start + length;
  if (length < HEADER_BYTES + 5 || end > bytes.length || !hasPlainHeader(bytes, start)) return false;
  let hash = seed;
  let at = start + HEADER_BYTES;
  for (;;) {
    const label = bytes[at] ?? MAX_NAME;
    if (label > MAX_LABEL || at + label + 5 > end) return false;
    const next = at + 1 + label;
    for (; at < next; at++) hash = Math.imul(hash ^ (LOWER[bytes[at] ?? 0] ?? 0), HASH_PRIME);
    if (label === 0) break;
  }
  if (at - start - HEADER_BYTES > MAX_NAME) return false;
  if (u16(bytes, at + 2) !== CLASS_IN) return false;
  into.nameEnd = at;
  into.questionEnd = at + 4;
  into.type = u16(bytes, at);
  into.hash = hash;
  into.hasEdns = bytes[start + 11] === 1;
  into.udpSize = 0;
  into.dnssecOk = false;
  return !into.hasEdns || readPlainOpt(bytes, at + 4, end, into);
}

/** QR, opcode and all counts but that of additional records, which may be 1. AA, TC and the like do not matter. */
function hasPlainHeader(bytes: Uint8Array, start: number): boolean {
  const counts =
    (bytes[start + 4] ?? 0) |
    (bytes[start + 6] ?? 0) |
    (bytes[start + 7] ?? 0) |
    (bytes[start + 8] ?? 0) |
    (bytes[start + 9] ?? 0) |
    (bytes[start + 10] ?? 0);
  return (
    counts === 0 &&
    bytes[start + 5] === 1 &&
    (bytes[start + 11] ?? 0) <= 1 &&
    ((bytes[start + 2] ?? 0) & 0xf8) === Opcode.QUERY
  );
}

function readPlainOpt(bytes: Uint8Array, offset: number, end: number, into: PlainQuery): boolean {
  if (offset + OPT_HEADER_BYTES > end || bytes[offset] !== 0) return false;
  if (u16(bytes, offset + 1) !== RecordType.OPT || bytes[offset + 6] !== 0) return false;
  into.udpSize = u16(bytes, offset + 3);
  into.dnssecOk = ((bytes[offset + 7] ?? 0) & 0x80) !== 0;
  let at = offset + OPT_HEADER_BYTES;
  const optEnd = at + u16(bytes, offset + 9);
  if (optEnd > end) return false;
  while (at < optEnd) {
    if (at + 4 > optEnd || isShaped(u16(bytes, at))) return false;
    at += 4 + u16(bytes, at + 2);
  }
  return at === optEnd;
}

function u16(bytes: Uint8Array, offset: number): number {
  return ((bytes[offset] ?? 0) << 8) | (bytes[offset + 1] ?? 0);
}
