// Protocol buffers, wire format only (proto2 without groups): fields as (number, wire type, value). What the numbers
// mean is the caller's. https://protobuf.dev/programming-guides/encoding/

/** Bytes that are no protobuf message. The only thing that reading throws. */
export class ProtobufError extends Error {
  override readonly name = 'ProtobufError';
}

/** One field as it stands on the wire. Varints carry `varint`, everything else `bytes` (a view, not a copy). */
export interface ProtobufField {
  readonly number: number;
  /** 0 varint, 1 fixed 64, 2 length-delimited, 5 fixed 32. */
  readonly wireType: number;
  /** The unsigned 64-bit value of a varint; 0n otherwise. */
  readonly varint: bigint;
  readonly bytes: Uint8Array;
}

const EMPTY = new Uint8Array(0);
const MAX_VARINT_BYTES = 10;

/** Reads every field of a message. Throws ProtobufError where it is cut short or malformed. */
export function readFields(message: Uint8Array): ProtobufField[] {
  const fields: ProtobufField[] = [];
  const cursor = { bytes: message, at: 0 };
  while (cursor.at < message.length) fields.push(readField(cursor));
  return fields;
}

interface Cursor {
  readonly bytes: Uint8Array;
  at: number;
}

function readField(cursor: Cursor): ProtobufField {
  const key = readVarint(cursor);
  const wireType = Number(key & 7n);
  const number = Number(key >> 3n);
  if (number < 1 || number > 536870911) throw new ProtobufError(`field number ${number} is out of range`);
  switch (wireType) {
    case 0:
      return { number, wireType, varint: readVarint(cursor), bytes: EMPTY };
    case 1:
      return { number, wireType, varint: 0n, bytes: take(cursor, 8) };
    case 2:
      return { number, wireType, varint: 0n, bytes: take(cursor, readLength(cursor)) };
    case 5:
      return { number, wireType, varint: 0n, bytes: take(cursor, 4) };
    default:
      throw new ProtobufError(`wire type ${wireType} of field ${number} is not used by protobuf`);
  }
}

function readLength(cursor: Cursor): number {
  const length = readVarint(cursor);
  const left = cursor.bytes.length - cursor.at;
  if (length > BigInt(left)) throw new ProtobufError(`a field of ${length} bytes with ${left} bytes left`);
  return Number(length);
}

function take(cursor: Cursor, length: number): Uint8Array {
  const end = cursor.at + length;
  if (end > cursor.bytes.length) throw new ProtobufError('the message ends inside a field');
  const bytes = cursor.bytes.subarray(cursor.at, end);
  cursor.at = end;
  return bytes;
}

function readVarint(cursor: Cursor): bigint {
  // Nearly all varints are short; only long ones need a bigint on the way.
  let small = 0;
  for (let index = 0; index < 4; index += 1) {
    const byte = nextByte(cursor);
    small |= (byte & 127) << (7 * index);
    if (byte < 128) return BigInt(small);
  }
  let value = BigInt(small);
  for (let index = 4; index < MAX_VARINT_BYTES; index += 1) {
    const byte = nextByte(cursor);
    value |= BigInt(byte & 127) << BigInt(7 * index);
    if (byte < 128) return BigInt.asUintN(64, value);
  }
  throw new ProtobufError('a varint is longer than ten bytes');
}

function nextByte(cursor: Cursor): number {
  const byte = cursor.bytes[cursor.at];
  if (byte === undefined) throw new ProtobufError('the message ends inside a varint');
  cursor.at += 1;
  return byte;
}

/** Writes a message field by field; fields stand in the order of the calls. */
export class ProtobufWriter {
  private readonly chunks: Uint8Array[] = [];

  /** Any integer, negative ones as 64-bit two's complement (ten bytes). */
  varint(number: number, value: number | bigint | boolean): this {
    this.chunks.push(encodeVarint(number << 3), encodeVarint(BigInt(value)));
    return this;
  }

  bytes(number: number, value: Uint8Array): this {
    this.chunks.push(encodeVarint((number << 3) | 2), encodeVarint(value.length), value);
    return this;
  }

  string(number: number, value: string): this {
    return this.bytes(number, Buffer.from(value, 'utf8'));
  }

  double(number: number, value: number): this {
    const bytes = Buffer.alloc(8);
    bytes.writeDoubleLE(value);
    this.chunks.push(encodeVarint((number << 3) | 1), bytes);
    return this;
  }

  float(number: number, value: number): this {
    const bytes = Buffer.alloc(4);
    bytes.writeFloatLE(value);
    this.chunks.push(encodeVarint((number << 3) | 5), bytes);
    return this;
  }

  finish(): Uint8Array {
    return Buffer.concat(this.chunks);
  }
}

function encodeVarint(value: number | bigint): Uint8Array {
  let rest = BigInt.asUintN(64, BigInt(value));
  const bytes: number[] = [];
  do {
    const byte = Number(rest & 127n);
    rest >>= 7n;
    bytes.push(rest > 0n ? byte | 128 : byte);
  } while (rest > 0n);
  return Uint8Array.from(bytes);
}
