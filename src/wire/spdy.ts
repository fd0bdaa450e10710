/**
 * SPDY/3.1 frames (draft-mbelshe-httpbis-spdy-00 with the 3.1 flow control changes), as far as Kubernetes streams
 * use them. Header blocks stay compressed here: see spdy-headers.ts, whose state belongs to the connection.
 */
import { SpdyError } from './spdy-error.ts';

export { SpdyError } from './spdy-error.ts';

export type SpdyFrame =
  | { type: 'DATA'; streamId: number; fin: boolean; data: Buffer }
  | {
      type: 'SYN_STREAM';
      streamId: number;
      associatedStreamId: number;
      /** 0 is the highest, 7 the lowest. */
      priority: number;
      fin: boolean;
      unidirectional: boolean;
      headerBlock: Buffer;
    }
  | { type: 'SYN_REPLY'; streamId: number; fin: boolean; headerBlock: Buffer }
  | { type: 'HEADERS'; streamId: number; fin: boolean; headerBlock: Buffer }
  | { type: 'RST_STREAM'; streamId: number; status: number }
  | { type: 'SETTINGS'; clear: boolean; entries: readonly SpdySetting[] }
  | { type: 'PING'; id: number }
  | { type: 'GOAWAY'; lastGoodStreamId: number; status: number }
  | { type: 'WINDOW_UPDATE'; streamId: number; delta: number };

export interface SpdySetting {
  id: number;
  flags: number;
  value: number;
}

/** Status codes of RST_STREAM. */
export const RST = {
  protocolError: 1,
  invalidStream: 2,
  refusedStream: 3,
  cancel: 5,
  internalError: 6,
} as const;

export const GOAWAY_OK = 0;
export const GOAWAY_PROTOCOL_ERROR = 1;

const VERSION = 3;
const CONTROL_BIT = 0x8000;
const HEAD_LENGTH = 8;
/** Nobody sends larger ones here; 24 bits of length would let a peer make us hold 16 MiB. */
const MAX_FRAME_LENGTH = 1 << 20;
const FLAG_FIN = 0x01;
const FLAG_UNIDIRECTIONAL = 0x02;
const FLAG_CLEAR_SETTINGS = 0x01;
const SETTING_LENGTH = 8;

const TYPE_NUMBERS = {
  SYN_STREAM: 1,
  SYN_REPLY: 2,
  RST_STREAM: 3,
  SETTINGS: 4,
  PING: 6,
  GOAWAY: 7,
  HEADERS: 8,
  WINDOW_UPDATE: 9,
} as const;

/** Payload length of the types that have a fixed one, the least length of the others. */
const FIXED_LENGTHS: ReadonlyMap<number, number> = new Map([
  [TYPE_NUMBERS.RST_STREAM, 8],
  [TYPE_NUMBERS.PING, 4],
  [TYPE_NUMBERS.GOAWAY, 8],
  [TYPE_NUMBERS.WINDOW_UPDATE, 8],
]);
const LEAST_LENGTHS: ReadonlyMap<number, number> = new Map([
  [TYPE_NUMBERS.SYN_STREAM, 10],
  [TYPE_NUMBERS.SYN_REPLY, 4],
  [TYPE_NUMBERS.HEADERS, 4],
  [TYPE_NUMBERS.SETTINGS, 4],
]);

/** `frame` is undefined for a control frame of an unknown type, which is to be ignored. */
export interface DecodedFrame {
  frame: SpdyFrame | undefined;
  /** Offset of the byte after the frame. */
  next: number;
}

/** Undefined if the frame that starts at `offset` is not complete yet. Throws SpdyError. Data is not copied. */
export function decodeFrame(bytes: Buffer, offset = 0): DecodedFrame | undefined {
  if (bytes.length - offset < HEAD_LENGTH) {
    return undefined;
  }
  const flags = bytes.readUInt8(offset + 4);
  const length = bytes.readUIntBE(offset + 5, 3);
  if (length > MAX_FRAME_LENGTH) {
    throw new SpdyError(`frame of ${length} bytes is longer than ${MAX_FRAME_LENGTH}`);
  }
  const next = offset + HEAD_LENGTH + length;
  if (next > bytes.length) {
    return undefined;
  }
  const payload = bytes.subarray(offset + HEAD_LENGTH, next);
  const head = bytes.readUInt16BE(offset);
  if ((head & CONTROL_BIT) === 0) {
    const streamId = bytes.readUInt32BE(offset);
    return { frame: { type: 'DATA', streamId, fin: (flags & FLAG_FIN) !== 0, data: payload }, next };
  }
  if ((head & ~CONTROL_BIT) !== VERSION) {
    throw new SpdyError(`frame of SPDY version ${head & ~CONTROL_BIT}, not ${VERSION}`);
  }
  return { frame: decodeControl(bytes.readUInt16BE(offset + 2), flags, payload), next };
}

function decodeControl(type: number, flags: number, payload: Buffer): SpdyFrame | undefined {
  const fixed = FIXED_LENGTHS.get(type);
  if (fixed === undefined ? payload.length < (LEAST_LENGTHS.get(type) ?? 0) : payload.length !== fixed) {
    throw new SpdyError(`control frame of type ${type} has ${payload.length} bytes`);
  }
  const fin = (flags & FLAG_FIN) !== 0;
  const number = (offset: number) => payload.readUInt32BE(offset) & 0x7fffffff;
  switch (type) {
    case TYPE_NUMBERS.SYN_STREAM:
      return {
        type: 'SYN_STREAM',
        streamId: number(0),
        associatedStreamId: number(4),
        priority: payload.readUInt8(8) >> 5,
        fin,
        unidirectional: (flags & FLAG_UNIDIRECTIONAL) !== 0,
        headerBlock: payload.subarray(10),
      };
    case TYPE_NUMBERS.SYN_REPLY:
      return { type: 'SYN_REPLY', streamId: number(0), fin, headerBlock: payload.subarray(4) };
    case TYPE_NUMBERS.HEADERS:
      return { type: 'HEADERS', streamId: number(0), fin, headerBlock: payload.subarray(4) };
    case TYPE_NUMBERS.RST_STREAM:
      return { type: 'RST_STREAM', streamId: number(0), status: payload.readUInt32BE(4) };
    case TYPE_NUMBERS.SETTINGS:
      return decodeSettings(flags, payload);
    case TYPE_NUMBERS.PING:
      return { type: 'PING', id: payload.readUInt32BE(0) };
    case TYPE_NUMBERS.GOAWAY:
      return { type: 'GOAWAY', lastGoodStreamId: number(0), status: payload.readUInt32BE(4) };
    case TYPE_NUMBERS.WINDOW_UPDATE:
      return { type: 'WINDOW_UPDATE', streamId: number(0), delta: number(4) };
    default:
      return undefined;
  }
}

function decodeSettings(flags: number, payload: Buffer): SpdyFrame {
  const count = payload.readUInt32BE(0);
  if (payload.length !== 4 + count * SETTING_LENGTH) {
    throw new SpdyError(`SETTINGS frame of ${payload.length} bytes cannot have ${count} entries`);
  }
  const entries = Array.from({ length: count }, (_, index) => {
    const offset = 4 + index * SETTING_LENGTH;
    return {
      flags: payload.readUInt8(offset),
      id: payload.readUIntBE(offset + 1, 3),
      value: payload.readUInt32BE(offset + 4),
    };
  });
  return { type: 'SETTINGS', clear: (flags & FLAG_CLEAR_SETTINGS) !== 0, entries };
}

export function encodeFrame(frame: SpdyFrame): Buffer {
  switch (frame.type) {
    case 'DATA':
      return Buffer.concat([dataHead(frame.streamId, frame.fin, frame.data.length), frame.data]);
    case 'SYN_STREAM': {
      const fixed = uint32s(frame.streamId, frame.associatedStreamId);
      const flags = (frame.fin ? FLAG_FIN : 0) | (frame.unidirectional ? FLAG_UNIDIRECTIONAL : 0);
      return control(frame.type, flags, [fixed, Buffer.from([frame.priority << 5, 0]), frame.headerBlock]);
    }
    case 'SYN_REPLY':
    case 'HEADERS':
      return control(frame.type, frame.fin ? FLAG_FIN : 0, [uint32s(frame.streamId), frame.headerBlock]);
    case 'RST_STREAM':
      return control(frame.type, 0, [uint32s(frame.streamId, frame.status)]);
    case 'SETTINGS':
      return control(frame.type, frame.clear ? FLAG_CLEAR_SETTINGS : 0, [
        uint32s(frame.entries.length),
        ...frame.entries.map(({ flags, id, value }) => uint32s(((flags << 24) | id) >>> 0, value)),
      ]);
    case 'PING':
      return control(frame.type, 0, [uint32s(frame.id)]);
    case 'GOAWAY':
      return control(frame.type, 0, [uint32s(frame.lastGoodStreamId, frame.status)]);
    default:
      return control(frame.type, 0, [uint32s(frame.streamId, frame.delta)]);
  }
}

function dataHead(streamId: number, fin: boolean, length: number): Buffer {
  const head = Buffer.alloc(HEAD_LENGTH);
  head.writeUInt32BE(streamId, 0);
  head.writeUInt8(fin ? FLAG_FIN : 0, 4);
  head.writeUIntBE(length, 5, 3);
  return head;
}

function control(type: keyof typeof TYPE_NUMBERS, flags: number, parts: readonly Buffer[]): Buffer {
  const head = Buffer.alloc(HEAD_LENGTH);
  head.writeUInt16BE(CONTROL_BIT | VERSION, 0);
  head.writeUInt16BE(TYPE_NUMBERS[type], 2);
  head.writeUInt8(flags, 4);
  head.writeUIntBE(
    parts.reduce((sum, part) => sum + part.length, 0),
    5,
    3,
  );
  return Buffer.concat([head, ...parts]);
}

function uint32s(...values: number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length);
  values.forEach((value, index) => bytes.writeUInt32BE(value, 4 * index));
  return bytes;
}
