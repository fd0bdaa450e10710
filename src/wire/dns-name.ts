/**
 * A domain name: its labels from left to right, each a string of one char per byte (latin1). The root
 * is the empty list. Case is kept; compare through `nameKey()`.
 */
export type DnsName = readonly string[];

/** Bytes that are no DNS message. The only error that the DNS decoders throw. */
export class DnsFormatError extends Error {
  override readonly name = 'DnsFormatError';
}

const MAX_LABEL = 63;
/** Of the wire form, length bytes and the root's zero included (RFC 1035 §2.3.4). */
const MAX_NAME = 255;

/**
 * Reads a name, compressed or not. `next` is where the bytes after it begin. A pointer has to point
 * before the piece it ends, so that reading always ends.
 */
export function decodeName(bytes: Uint8Array, offset: number): { name: DnsName; next: number } {
  const labels: string[] = [];
  let position = offset;
  let pieceStart = offset;
  let next = -1;
  let length = 1;
  for (;;) {
    const byte = bytes[position];
    if (byte === undefined) throw new DnsFormatError(`a name runs past the end at byte ${position}`);
    if (byte === 0) break;
    if ((byte & 0xc0) === 0xc0) {
      const low = bytes[position + 1];
      if (low === undefined) throw new DnsFormatError(`a name's pointer is cut off at byte ${position}`);
      if (next < 0) next = position + 2;
      const target = ((byte & 0x3f) << 8) | low;
      if (target >= pieceStart)
        throw new DnsFormatError(`the pointer at byte ${position} does not point back`);
      position = target;
      pieceStart = target;
      continue;
    }
    if (byte > MAX_LABEL)
      throw new DnsFormatError(`label type ${byte >> 6} at byte ${position} is not known`);
    if (position + 1 + byte > bytes.length)
      throw new DnsFormatError(`a label runs past the end at byte ${position}`);
    length += 1 + byte;
    if (length > MAX_NAME)
      throw new DnsFormatError(`the name at byte ${offset} has more than ${MAX_NAME} bytes`);
    labels.push(String.fromCharCode(...bytes.subarray(position + 1, position + 1 + byte)));
    position += 1 + byte;
  }
  return { name: labels, next: next < 0 ? position + 1 : next };
}

/** Reads the text form of a name, with or without its last dot, with `\.` and `\DDD`; undefined when it is none. */
export function parseName(text: string): DnsName | undefined {
  if (text === '.' || text === '') return [];
  const labels: string[] = [];
  let label = '';
  for (const [part] of text.matchAll(/\\\d{3}|\\[^]|[^]/g)) {
    if (part === '.') {
      if (label === '') return undefined;
      labels.push(label);
      label = '';
      continue;
    }
    const char = part.length === 4 ? String.fromCharCode(Number(part.slice(1))) : (part[1] ?? part);
    if (char.charCodeAt(0) > 255) return undefined;
    label += char;
  }
  if (label !== '') labels.push(label);
  return isWireName(labels) ? labels : undefined;
}

/** Whether every label has 1 to 63 bytes and all of them together fit the limit of 255. */
export function isWireName(name: DnsName): boolean {
  return name.every((label) => label.length > 0 && label.length <= MAX_LABEL) && wireLength(name) <= MAX_NAME;
}

/** Bytes of the uncompressed form. */
export function wireLength(name: DnsName): number {
  return name.reduce((sum, label) => sum + 1 + label.length, 1);
}

/** The text form with its last dot, special characters escaped. */
export function formatName(name: DnsName): string {
  if (name.length === 0) return '.';
  return name.map((label) => `${label.replace(/[^!-~]|[.\\"();@$]/g, escapeChar)}.`).join('');
}

function escapeChar(char: string): string {
  const code = char.charCodeAt(0);
  return code > 32 && code < 127 ? `\\${char}` : `\\${String(code).padStart(3, '0')}`;
}

/**
 * The uncompressed wire form in lower case, as a latin1 string: what names are compared and found by.
 * Length bytes are below 64, so that lower-casing leaves them alone; bytes from 192 on may change, which
 * makes unequal names equal only where neither exists.
 */
export function nameKey(name: DnsName): string {
  let key = '';
  for (const label of name) key += String.fromCharCode(label.length) + label;
  return lowerAscii(`${key}\0`);
}

/** In lower case as DNS has it: letters of ASCII only (RFC 4343), for a byte above 127 is no letter. */
export function lowerAscii(text: string): string {
  return text.replaceAll(/[A-Z]+/g, (letters) => letters.toLowerCase());
}
