import { LITTLE_ENDIAN } from './socket-address.ts';

/** Message types of every netlink family. */
export const NLMSG_NOOP = 1;
export const NLMSG_ERROR = 2;
export const NLMSG_DONE = 3;

export const NLM_F_REQUEST = 0x01;
export const NLM_F_MULTI = 0x02;
export const NLM_F_ACK = 0x04;
/** The dump was interrupted by a change: what came is not one consistent state. */
export const NLM_F_DUMP_INTR = 0x10;
export const NLM_F_DUMP = 0x300;
export const NLM_F_REPLACE = 0x100;
/** On a delete request: do not take along what is inside. */
export const NLM_F_NONREC = 0x100;
export const NLM_F_EXCL = 0x200;
export const NLM_F_CREATE = 0x400;
export const NLM_F_APPEND = 0x800;
/** On an error: the failed message was left out, but for its header. */
const NLM_F_CAPPED = 0x100;
/** On an error: attributes with an explanation follow. */
const NLM_F_ACK_TLVS = 0x200;

const NLMSGERR_ATTR_MSG = 1;
const NLMSGERR_ATTR_OFFS = 2;

const HEADER_SIZE = 16;
const ATTRIBUTE_HEADER_SIZE = 4;
const NLA_F_NESTED = 0x8000;
const NLA_TYPE_MASK = 0x3fff;
/** An attribute's length field has 16 bits. */
export const MAX_ATTRIBUTE_SIZE = 0xffff;

/** Bytes that are no well-formed netlink message or attribute. */
export class NetlinkDecodeError extends Error {
  override readonly name = 'NetlinkDecodeError';
}

/** A value that does not fit its field, such as an attribute of more than 64 KiB. */
export class NetlinkEncodeError extends Error {
  override readonly name = 'NetlinkEncodeError';
}

const utf8 = new TextEncoder();
const text = new TextDecoder();

/**
 * Appends messages and attributes to one growing buffer. Lengths and padding to 4 bytes are its job:
 * what `begin…()` returns is passed to the `end…()` that closes it.
 */
export class NetlinkWriter {
  #bytes: Uint8Array;
  #view: DataView;
  #length = 0;

  constructor(capacity = 4096) {
    this.#bytes = new Uint8Array(capacity);
    this.#view = new DataView(this.#bytes.buffer);
  }

  get length(): number {
    return this.#length;
  }

  /** What was written, not copied: valid until the next write. */
  bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  /** Forgets everything from this length on. */
  truncate(length: number): void {
    this.#length = Math.min(length, this.#length);
  }

  beginMessage(type: number, flags: number, sequence: number): number {
    const start = this.#grow(HEADER_SIZE);
    this.#view.setUint16(start + 4, type, LITTLE_ENDIAN);
    this.#view.setUint16(start + 6, flags, LITTLE_ENDIAN);
    this.#view.setUint32(start + 8, sequence, LITTLE_ENDIAN);
    this.#view.setUint32(start + 12, 0, LITTLE_ENDIAN);
    return start;
  }

  endMessage(start: number): void {
    this.#view.setUint32(start, this.#length - start, LITTLE_ENDIAN);
  }

  /** Sets flags of a message that was already written. */
  addFlags(start: number, flags: number): void {
    this.#view.setUint16(start + 6, this.#view.getUint16(start + 6, LITTLE_ENDIAN) | flags, LITTLE_ENDIAN);
  }

  u8(value: number): void {
    const start = this.#grow(1);
    this.#bytes[start] = value;
  }

  u16(value: number): void {
    const at = this.#grow(2);
    this.#view.setUint16(at, value, LITTLE_ENDIAN);
  }

  u32(value: number): void {
    const at = this.#grow(4);
    this.#view.setUint32(at, value, LITTLE_ENDIAN);
  }

  be16(value: number): void {
    const at = this.#grow(2);
    this.#view.setUint16(at, value);
  }

  raw(bytes: Uint8Array): void {
    const start = this.#grow(bytes.length);
    this.#bytes.set(bytes, start);
  }

  zeros(count: number): void {
    const start = this.#grow(count);
    this.#bytes.fill(0, start, start + count);
  }

  beginAttribute(type: number): number {
    const start = this.#grow(ATTRIBUTE_HEADER_SIZE);
    this.#view.setUint16(start + 2, type, LITTLE_ENDIAN);
    return start;
  }

  beginNested(type: number): number {
    return this.beginAttribute(type | NLA_F_NESTED);
  }

  /** Closes a plain or nested attribute. */
  end(start: number): void {
    const size = this.#length - start;
    if (size > MAX_ATTRIBUTE_SIZE) {
      const type = this.#view.getUint16(start + 2, LITTLE_ENDIAN) & NLA_TYPE_MASK;
      throw new NetlinkEncodeError(`attribute ${type} has ${size} bytes, at most ${MAX_ATTRIBUTE_SIZE} fit`);
    }
    this.#view.setUint16(start, size, LITTLE_ENDIAN);
    this.zeros((4 - (size & 3)) & 3);
  }

  attribute(type: number, bytes: Uint8Array): void {
    const start = this.beginAttribute(type);
    this.raw(bytes);
    this.end(start);
  }

  /** An attribute that says yes by being there. */
  flag(type: number): void {
    this.end(this.beginAttribute(type));
  }

  attributeU8(type: number, value: number): void {
    const start = this.beginAttribute(type);
    this.u8(value);
    this.end(start);
  }

  attributeU16(type: number, value: number): void {
    const start = this.beginAttribute(type);
    this.u16(value);
    this.end(start);
  }

  attributeU32(type: number, value: number): void {
    const start = this.#grow(8);
    this.#view.setUint16(start, 8, LITTLE_ENDIAN);
    this.#view.setUint16(start + 2, type, LITTLE_ENDIAN);
    this.#view.setUint32(start + 4, value, LITTLE_ENDIAN);
  }

  attributeBe16(type: number, value: number): void {
    const start = this.beginAttribute(type);
    this.be16(value);
    this.end(start);
  }

  attributeBe32(type: number, value: number): void {
    const start = this.#grow(8);
    this.#view.setUint16(start, 8, LITTLE_ENDIAN);
    this.#view.setUint16(start + 2, type, LITTLE_ENDIAN);
    this.#view.setUint32(start + 4, value);
  }

  attributeBe64(type: number, value: bigint): void {
    const start = this.beginAttribute(type);
    const at = this.#grow(8);
    this.#view.setBigUint64(at, value);
    this.end(start);
  }

  /** Text with the closing zero byte the kernel expects. */
  attributeString(type: number, value: string): void {
    const start = this.beginAttribute(type);
    this.raw(utf8.encode(value));
    this.u8(0);
    this.end(start);
  }

  nested(type: number, write: () => void): void {
    const start = this.beginNested(type);
    write();
    this.end(start);
  }

  /** Makes room and returns where it starts. The buffer may be another one afterwards. */
  #grow(count: number): number {
    const start = this.#length;
    this.#length += count;
    if (this.#length > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length));
      larger.set(this.#bytes);
      this.#bytes = larger;
      this.#view = new DataView(larger.buffer);
    }
    return start;
  }
}

export interface NetlinkMessage {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  /** What follows the 16 bytes of header: a view, not a copy. */
  readonly payload: Uint8Array;
}

/** Takes a datagram apart. Throws `NetlinkDecodeError` when lengths do not add up. */
export function decodeMessages(bytes: Uint8Array): NetlinkMessage[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const messages: NetlinkMessage[] = [];
  for (let offset = 0; offset < bytes.length; ) {
    if (bytes.length - offset < HEADER_SIZE)
      throw new NetlinkDecodeError(`message header cut off at byte ${offset}`);
    const length = view.getUint32(offset, LITTLE_ENDIAN);
    if (length < HEADER_SIZE || offset + length > bytes.length) {
      throw new NetlinkDecodeError(
        `message at byte ${offset} claims ${length} of ${bytes.length - offset} bytes`,
      );
    }
    messages.push({
      type: view.getUint16(offset + 4, LITTLE_ENDIAN),
      flags: view.getUint16(offset + 6, LITTLE_ENDIAN),
      sequence: view.getUint32(offset + 8, LITTLE_ENDIAN),
      payload: bytes.subarray(offset + HEADER_SIZE, offset + length),
    });
    offset += align(length);
  }
  return messages;
}

/** The answer to a request: errno 0 is an acknowledgement. */
export interface NetlinkAck {
  /** Positive errno; 0 when all is well. */
  readonly errno: number;
  /** The sequence number of the request it answers. */
  readonly sequence: number;
  /** The kernel's own explanation. */
  readonly explanation?: string | undefined;
  /** Where in the request the offending attribute starts, in bytes from the message's beginning. */
  readonly offset?: number | undefined;
}

/** Reads the payload of an NLMSG_ERROR (or the status that NLMSG_DONE carries). */
export function decodeAck(message: NetlinkMessage): NetlinkAck {
  const { payload, flags, sequence } = message;
  if (payload.length < 4) {
    if (message.type === NLMSG_DONE) return { errno: 0, sequence };
    throw new NetlinkDecodeError(`an error message of ${payload.length} bytes`);
  }
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  const errno = Math.abs(view.getInt32(0, LITTLE_ENDIAN));
  if (message.type === NLMSG_DONE || (flags & NLM_F_ACK_TLVS) === 0 || payload.length < 4 + HEADER_SIZE) {
    return { errno, sequence };
  }
  const echoed = (flags & NLM_F_CAPPED) === 0 ? align(view.getUint32(4, LITTLE_ENDIAN)) : HEADER_SIZE;
  if (echoed < HEADER_SIZE || 4 + echoed > payload.length) return { errno, sequence };
  const attributes = decodeAttributes(payload, 4 + echoed);
  return {
    errno,
    sequence,
    explanation: attributes.string(NLMSGERR_ATTR_MSG),
    offset: attributes.u32(NLMSGERR_ATTR_OFFS),
  };
}

/** Attributes by type. Readers return undefined for one that is absent or too short. */
export class Attributes {
  readonly #values: Map<number, Uint8Array>;

  constructor(values: Map<number, Uint8Array>) {
    this.#values = values;
  }

  has(type: number): boolean {
    return this.#values.has(type);
  }

  bytes(type: number): Uint8Array | undefined {
    return this.#values.get(type);
  }

  u8(type: number): number | undefined {
    return this.#values.get(type)?.[0];
  }

  u16(type: number): number | undefined {
    return this.#read(type, 2, (view) => view.getUint16(0, LITTLE_ENDIAN));
  }

  u32(type: number): number | undefined {
    return this.#read(type, 4, (view) => view.getUint32(0, LITTLE_ENDIAN));
  }

  be16(type: number): number | undefined {
    return this.#read(type, 2, (view) => view.getUint16(0));
  }

  be32(type: number): number | undefined {
    return this.#read(type, 4, (view) => view.getUint32(0));
  }

  be64(type: number): bigint | undefined {
    return this.#read(type, 8, (view) => view.getBigUint64(0));
  }

  /** Text up to the first zero byte. */
  string(type: number): string | undefined {
    const bytes = this.#values.get(type);
    if (bytes === undefined) return undefined;
    const end = bytes.indexOf(0);
    return text.decode(end < 0 ? bytes : bytes.subarray(0, end));
  }

  nested(type: number): Attributes | undefined {
    const bytes = this.#values.get(type);
    return bytes === undefined ? undefined : decodeAttributes(bytes);
  }

  #read<T>(type: number, size: number, read: (view: DataView) => T): T | undefined {
    const bytes = this.#values.get(type);
    if (bytes === undefined || bytes.length < size) return undefined;
    return read(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  }
}

/** Reads attributes from an offset to the end; of several with one type the last one counts. */
export function decodeAttributes(bytes: Uint8Array, offset = 0): Attributes {
  return new Attributes(new Map(decodeAttributeList(bytes, offset)));
}

/** As `decodeAttributes()`, in order and with repeated types: lists are sent that way. */
export function decodeAttributeList(bytes: Uint8Array, offset = 0): Array<[type: number, value: Uint8Array]> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const list: Array<[number, Uint8Array]> = [];
  // Fewer than four bytes left are padding.
  for (let at = offset; at + ATTRIBUTE_HEADER_SIZE <= bytes.length; ) {
    const length = view.getUint16(at, LITTLE_ENDIAN);
    if (length < ATTRIBUTE_HEADER_SIZE || at + length > bytes.length) {
      throw new NetlinkDecodeError(`attribute at byte ${at} claims ${length} of ${bytes.length - at} bytes`);
    }
    const type = view.getUint16(at + 2, LITTLE_ENDIAN) & NLA_TYPE_MASK;
    list.push([type, bytes.subarray(at + ATTRIBUTE_HEADER_SIZE, at + length)]);
    at += align(length);
  }
  return list;
}

/** Rounds up to the 4 bytes that netlink aligns everything to. */
function align(length: number): number {
  return (length + 3) & ~3;
}
