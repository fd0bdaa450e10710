/**
 * SPDY/3.1 name/value blocks. All blocks of one direction are pieces of one zlib stream, each ending with a sync
 * flush, that is at a byte border: so a block can be read alone if one has the 32 KiB of text before it, and a
 * block that refers to nothing before it is a valid piece of any stream. That makes both directions synchronous.
 */
import { constants, deflateRawSync, inflateRawSync } from 'node:zlib';
import { SPDY_DICTIONARY, SPDY_DICTIONARY_ID } from './spdy-dictionary.ts';
import { SpdyError } from './spdy-error.ts';

/** Lower-case name -> values. */
export type SpdyHeaders = ReadonlyMap<string, readonly string[]>;

const WINDOW_LENGTH = 32_768;
/** Headers of port-forward streams have a few dozen bytes. */
const MAX_BLOCK_LENGTH = 65_536;
const MAX_HEADERS = 256;
const ZLIB_HEADER_LENGTH = 6;
/** Deflate with a 32 KiB window; a dictionary is named after it (RFC 1950, 2.2). */
const ZLIB_CMF_FLG = 0x78bb;
const SEPARATOR = '\0';

/** Reads the blocks of one direction, in order. */
export class SpdyHeaderReader {
  #history: Buffer | undefined;

  /** Throws SpdyError. */
  read(block: Buffer): SpdyHeaders {
    const deflated = this.#history ? block : withoutZlibHeader(block);
    const dictionary = this.#history ?? SPDY_DICTIONARY;
    let text: Buffer;
    try {
      text = inflateRawSync(deflated, {
        dictionary,
        finishFlush: constants.Z_SYNC_FLUSH,
        maxOutputLength: MAX_BLOCK_LENGTH,
      });
    } catch (error) {
      throw new SpdyError('header block cannot be decompressed', { cause: error });
    }
    this.#history = Buffer.concat([dictionary, text]).subarray(-WINDOW_LENGTH);
    return parseHeaders(text);
  }
}

/** Writes the blocks of one direction; only the first one differs. */
export class SpdyHeaderWriter {
  #first = true;

  write(headers: SpdyHeaders): Buffer {
    const deflated = deflateRawSync(formatHeaders(headers), { finishFlush: constants.Z_SYNC_FLUSH });
    if (!this.#first) {
      return deflated;
    }
    this.#first = false;
    const head = Buffer.alloc(ZLIB_HEADER_LENGTH);
    head.writeUInt16BE(ZLIB_CMF_FLG, 0);
    head.writeUInt32BE(SPDY_DICTIONARY_ID, 2);
    return Buffer.concat([head, deflated]);
  }
}

function withoutZlibHeader(block: Buffer): Buffer {
  const valid =
    block.length >= ZLIB_HEADER_LENGTH &&
    (block.readUInt8(0) & 0x0f) === 8 &&
    block.readUInt16BE(0) % 31 === 0 &&
    (block.readUInt8(1) & 0x20) !== 0 &&
    block.readUInt32BE(2) === SPDY_DICTIONARY_ID;
  if (!valid) {
    throw new SpdyError('header block does not start with the zlib header of SPDY/3');
  }
  return block.subarray(ZLIB_HEADER_LENGTH);
}

function parseHeaders(text: Buffer): SpdyHeaders {
  const headers = new Map<string, readonly string[]>();
  let offset = 0;
  const count = readLength();
  if (count > MAX_HEADERS) {
    throw new SpdyError(`header block has ${count} headers, more than ${MAX_HEADERS}`);
  }
  for (let index = 0; index < count; index++) {
    const name = readText();
    const value = readText();
    if (name === '' || name !== name.toLowerCase() || headers.has(name)) {
      throw new SpdyError(`header name ${JSON.stringify(name)} is empty, not in lower case, or repeated`);
    }
    headers.set(name, value.split(SEPARATOR));
  }
  if (offset !== text.length) {
    throw new SpdyError('header block is longer than its headers');
  }
  return headers;

  function readLength(): number {
    if (offset + 4 > text.length) {
      throw new SpdyError('header block is cut off');
    }
    offset += 4;
    return text.readUInt32BE(offset - 4);
  }

  function readText(): string {
    const length = readLength();
    if (length > text.length - offset) {
      throw new SpdyError('header block is cut off');
    }
    offset += length;
    return text.toString('utf8', offset - length, offset);
  }
}

function formatHeaders(headers: SpdyHeaders): Buffer {
  const parts = [uint32(headers.size)];
  for (const [name, values] of headers) {
    for (const text of [Buffer.from(name), Buffer.from(values.join(SEPARATOR))]) {
      parts.push(uint32(text.length), text);
    }
  }
  return Buffer.concat(parts);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
