import type { PreparedAnswer } from './dns-answer.ts';
import { RecordType } from './dns-constants.ts';

export const OPT_BYTES = 11;

/** Up to here a loop copies faster than a call does. */
const LOOP_COPY_BYTES = 96;

export function copyInto(bytes: Uint8Array, offset: number, source: Uint8Array): void {
  if (source.length > LOOP_COPY_BYTES) {
    bytes.set(source, offset);
    return;
  }
  for (let i = 0; i < source.length; i++) bytes[offset + i] = source[i] ?? 0;
}

/** Writes an OPT record of version 0 without options, for a response code below 16. */
export function writePlainOpt(bytes: Uint8Array, offset: number, udpSize: number, dnssecOk: boolean): void {
  bytes[offset] = 0;
  bytes[offset + 1] = 0;
  bytes[offset + 2] = RecordType.OPT;
  bytes[offset + 3] = udpSize >> 8;
  bytes[offset + 4] = udpSize & 0xff;
  bytes[offset + 5] = 0;
  bytes[offset + 6] = 0;
  bytes[offset + 7] = dnssecOk ? 0x80 : 0;
  bytes[offset + 8] = 0;
  bytes[offset + 9] = 0;
  bytes[offset + 10] = 0;
}

/** Where the TTLs are in each tail of a prepared answer. */
export function ttlOffsets({ tails, ends }: PreparedAnswer): number[] {
  const [tail] = tails;
  if (tail === undefined) return [];
  return ends.map((_, record) => ownerEnd(tail, ends[record - 1] ?? 0) + 4);
}

/** Offset behind the name, compressed or not, that begins there. */
function ownerEnd(tail: Uint8Array, offset: number): number {
  let at = offset;
  for (;;) {
    const label = tail[at] ?? 0;
    if (label === 0) return at + 1;
    if (label >= 0xc0) return at + 2;
    at += 1 + label;
  }
}
