import type { SharedFilter } from '#dns/name-filter.ts';
import type { Zone } from '#dns/zone.ts';
import type { UdpPeer } from '#os/udp-batch.ts';
import type { Mark } from './marks.ts';

/** What a front is started with. */
export interface FrontData {
  /** Of `FdLedger`: its sockets. */
  readonly ledger: SharedArrayBuffer;
  /** Of `Marks`: which copies are still true. */
  readonly marks: SharedArrayBuffer;
  /** Int32: `ControlWord`. */
  readonly control: SharedArrayBuffer;
  /** Float64 by number: how often the answers given grew each tally. */
  readonly tallies: SharedArrayBuffer;
  /** Float64 by slot of `Marks`: how often each copy was given. */
  readonly hits: SharedArrayBuffer;
  /** Has something to read when messages are to be taken at once. */
  readonly wakeFd: number;
}

export const ControlWord = {
  /** Messages sent to the front so far. */
  POSTED: 0,
  /** Queries that the front handed over, and those of them that were taken. */
  HANDED_OVER: 1,
  TAKEN: 2,
  /** How often queries came, one or several at once; it goes on with the next thread. */
  BATCHES: 3,
  /** Queries that were not handed over, since too many waited. */
  DROPPED: 4,
} as const;
export const CONTROL_WORDS = 5;
export const MAX_TALLIES = 4096;

/** The bytes of a prepared answer, true as long as its mark is. */
export interface CopiedBytes extends Mark {
  readonly rcode: number;
  readonly counts: readonly [answers: number, authorities: number, additionals: number];
  /** All tails, one after the other, of equal length. */
  readonly tails: Uint8Array;
  readonly turns: number;
  readonly ends: readonly number[];
}

/** What a front gets of a server's table. What is counted is told by number. */
export type Copy =
  /** An answer to a question. */
  | {
      readonly kind: 'answer';
      readonly bytes: CopiedBytes;
      /** In wire form and lower case. */
      readonly name: Uint8Array;
      readonly type: number;
      readonly flags: number;
      readonly untilMs: number;
      /** When TTLs reach 0, in ms since 1970; undefined: they stay. */
      readonly endMs: number | undefined;
      readonly plainOnly: boolean;
      readonly countedAt: number;
      readonly tallies: readonly number[];
    }
  /** How to recognise names of a zone that do not exist. */
  | {
      readonly kind: 'absent';
      readonly mark: Mark;
      readonly zone: Zone;
      readonly filter: SharedFilter;
      readonly pods: boolean;
      readonly countedAt: number;
    }
  /** The answer to those in which the zone begins at this offset. */
  | {
      readonly kind: 'absent answer';
      readonly zoneKey: string;
      readonly zoneStart: number;
      readonly bytes: CopiedBytes;
    };

export type ToFront =
  /** Take queries for a server from a socket, which is in the ledger. */
  | {
      readonly kind: 'open';
      readonly socket: number;
      readonly server: number;
      readonly fd: number;
      readonly family: 4 | 6;
      readonly pinSource: boolean;
    }
  /** Hand over what has come in, then close the socket. */
  | { readonly kind: 'close'; readonly socket: number }
  /** Where answers are counted from now on, of `COUNTS_BYTES` bytes. */
  | { readonly kind: 'counts'; readonly countedAt: number; readonly memory: SharedArrayBuffer }
  /** End the thread, if wanted as a failure would. */
  | { readonly kind: 'end'; readonly failing: boolean }
  | { readonly kind: 'copy'; readonly server: number; readonly copy: Copy };

export type FromFront =
  | { readonly kind: 'ready' }
  | { readonly kind: 'closed'; readonly socket: number }
  /** By `packQueries()`. */
  | { readonly kind: 'queries'; readonly socket: number; readonly packed: Uint8Array<ArrayBuffer> };

/** A query with who sent it. */
export interface PeerQuery {
  readonly message: Buffer;
  readonly peer: UdpPeer;
}

const RECORD_HEADER_BYTES = 4;

/** Many queries as one piece of memory, which threads can hand over without a copy. */
export function packQueries(queries: readonly PeerQuery[]): Uint8Array<ArrayBuffer> {
  const sizes = queries.map(({ message, peer }) => message.length + peer.name.length + peer.control.length);
  const packed = new Uint8Array(sizes.reduce((sum, size) => sum + RECORD_HEADER_BYTES + size, 0));
  let at = 0;
  for (const { message, peer } of queries) {
    packed[at] = message.length >> 8;
    packed[at + 1] = message.length;
    packed[at + 2] = peer.name.length;
    packed[at + 3] = peer.control.length;
    at += RECORD_HEADER_BYTES;
    for (const part of [peer.name, peer.control, message]) {
      packed.set(part, at);
      at += part.length;
    }
  }
  return packed;
}

/** The queries that `packQueries()` was given; they share its memory. */
export function unpackQueries(packed: Uint8Array<ArrayBuffer>): PeerQuery[] {
  const bytes = Buffer.from(packed.buffer, packed.byteOffset, packed.length);
  const queries: PeerQuery[] = [];
  let at = 0;
  while (at < bytes.length) {
    const name = at + RECORD_HEADER_BYTES;
    const control = name + (bytes[at + 2] ?? 0);
    const message = control + (bytes[at + 3] ?? 0);
    const end = message + bytes.readUInt16BE(at);
    queries.push({
      message: bytes.subarray(message, end),
      peer: { name: bytes.subarray(name, control), control: bytes.subarray(control, message) },
    });
    at = end;
  }
  return queries;
}
