/** Headers of tar archives: ustar, GNU long names, pax records. Stateless. */

export const TAR_BLOCK = 512;

export interface TarHeader {
  name: string;
  mode: number;
  uid: number;
  gid: number;
  /** Of the content that follows, padded to 512 bytes. */
  size: number;
  /** The type flag: `0` file, `1` hard link, `2` symbolic link, `5` directory, `x` pax, `L` GNU long name, … */
  type: string;
  linkName: string;
}

/** A block that is no tar header. */
export class TarError extends Error {
  override readonly name = 'TarError';
}

/** Decodes one 512-byte block; null for the zero block that ends an archive. */
export function decodeTarHeader(block: Uint8Array): TarHeader | null {
  if (block.length < TAR_BLOCK) throw new TarError('the archive ends in the middle of a header');
  if (block.every((byte) => byte === 0)) return null;
  const bytes = Buffer.from(block.buffer, block.byteOffset, TAR_BLOCK);
  const expected = readNumber(bytes, 148, 8);
  let sum = 0;
  for (let at = 0; at < TAR_BLOCK; at++) sum += at >= 148 && at < 156 ? 32 : (bytes[at] ?? 0);
  if (sum !== expected) throw new TarError('a header has a wrong checksum: this is no tar archive');
  const isUstar = bytes.toString('latin1', 257, 262) === 'ustar';
  const prefix = isUstar && bytes[262] === 0 ? readText(bytes, 345, 155) : '';
  const name = readText(bytes, 0, 100);
  return {
    name: prefix === '' ? name : `${prefix}/${name}`,
    mode: readNumber(bytes, 100, 8) & 0o7777,
    uid: readNumber(bytes, 108, 8),
    gid: readNumber(bytes, 116, 8),
    size: readNumber(bytes, 124, 12),
    type: bytes[156] === 0 ? '0' : String.fromCharCode(bytes[156] ?? 48),
    linkName: readText(bytes, 157, 100),
  };
}

/** The records of a pax header's content, `path` and `size` and the like; malformed ones end the reading. */
export function decodePax(content: Uint8Array): Map<string, string> {
  const bytes = Buffer.from(content.buffer, content.byteOffset, content.length);
  const records = new Map<string, string>();
  let at = 0;
  while (at < bytes.length) {
    const space = bytes.indexOf(32, at);
    if (space < 0) break;
    const length = Number(bytes.toString('latin1', at, space));
    const end = at + length;
    if (!Number.isInteger(length) || length <= space - at || end > bytes.length) break;
    const record = bytes.toString('utf8', space + 1, end - 1);
    const equals = record.indexOf('=');
    if (equals > 0) records.set(record.slice(0, equals), record.slice(equals + 1));
    at = end;
  }
  return records;
}

/** How many bytes of padding follow a content of `size` bytes. */
export const tarPadding = (size: number): number => (TAR_BLOCK - (size % TAR_BLOCK)) % TAR_BLOCK;

function readText(bytes: Buffer, at: number, length: number): string {
  const end = bytes.indexOf(0, at);
  return bytes.toString('utf8', at, end < 0 || end > at + length ? at + length : end);
}

/** Octal text, or GNU's big-endian binary form when the first bit is set. */
function readNumber(bytes: Buffer, at: number, length: number): number {
  let value = 0;
  if (((bytes[at] ?? 0) & 0x80) !== 0) {
    for (let index = 0; index < length; index++) {
      const byte = bytes[at + index] ?? 0;
      value = value * 256 + (index === 0 ? byte & 0x7f : byte);
    }
  } else {
    value = Number.parseInt(
      bytes
        .toString('latin1', at, at + length)
        .replaceAll('\0', ' ')
        .trim() || '0',
      8,
    );
  }
  if (!Number.isSafeInteger(value) || value < 0)
    throw new TarError('a header has a number out of range: this is no tar archive');
  return value;
}
