import { LITTLE_ENDIAN } from './socket-address.ts';

/**
 * What nft keeps with an object for itself: type, length and value, one byte each for the first two. The
 * kernel stores it unread; nft shows comments from it and learns how to print a set's keys.
 */
export const COMMENT = { table: 0, chain: 0, rule: 0, element: 0, object: 0, set: 7 } as const;
const SET_KEY_BYTE_ORDER = 0;
const SET_DATA_BYTE_ORDER = 1;
const BYTE_ORDER = { host: 1, network: 2 } as const;

/** One byte holds a length, nft wants a closing zero, and 255 is its limit of all user data. */
export const MAX_COMMENT_BYTES = 120;

type Entry = readonly [type: number, value: Uint8Array];

/** A comment as user data; undefined without one. Throws a `RangeError` for one that is too long. */
export function encodeComment(comment: string | undefined, type: number): Uint8Array | undefined {
  return comment === undefined ? undefined : encodeEntries([commentEntry(comment, type)]);
}

export function decodeComment(userdata: Uint8Array | undefined, type: number): string | undefined {
  if (userdata === undefined) return undefined;
  for (let at = 0; at + 2 <= userdata.length; ) {
    const length = userdata[at + 1] ?? 0;
    const value = userdata.subarray(at + 2, at + 2 + length);
    if (userdata[at] === type) {
      const end = value.indexOf(0);
      return new TextDecoder().decode(end < 0 ? value : value.subarray(0, end));
    }
    at += 2 + length;
  }
  return undefined;
}

/** A set's user data: the byte orders of key and data, and a comment. */
export function encodeSetUserdata(
  key: 'host' | 'network',
  data: 'host' | 'network' | undefined,
  comment: string | undefined,
): Uint8Array {
  const entries: Entry[] = [[SET_KEY_BYTE_ORDER, hostU32(BYTE_ORDER[key])]];
  if (data !== undefined) entries.push([SET_DATA_BYTE_ORDER, hostU32(BYTE_ORDER[data])]);
  if (comment !== undefined) entries.push(commentEntry(comment, COMMENT.set));
  return encodeEntries(entries);
}

function commentEntry(comment: string, type: number): Entry {
  const bytes = new TextEncoder().encode(`${comment}\0`);
  if (bytes.length > MAX_COMMENT_BYTES + 1) {
    throw new RangeError(
      `a comment of ${bytes.length - 1} bytes is too long, at most ${MAX_COMMENT_BYTES} fit`,
    );
  }
  return [type, bytes];
}

function encodeEntries(entries: readonly Entry[]): Uint8Array {
  return Uint8Array.from(entries.flatMap(([type, value]) => [type, value.length, ...value]));
}

function hostU32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, LITTLE_ENDIAN);
  return bytes;
}
