// Kubernetes objects as `application/vnd.kubernetes.protobuf`: an envelope (four magic bytes, apiVersion and kind) around
// a message whose numbers the schema knows.
import { type ProtobufField, ProtobufWriter, readFields } from '#wire/protobuf.ts';
import { typeOfGvk } from './kinds.ts';
import { type JsonObject, splitApiVersion } from './object.ts';
import { decodeMessage } from './protobuf-decode.ts';
import { encodeMessage } from './protobuf-encode.ts';

export { ProtobufError } from '#wire/protobuf.ts';

export const PROTOBUF_TYPE = 'application/vnd.kubernetes.protobuf';

const MAGIC = Uint8Array.of(0x6b, 0x38, 0x73, 0x00);
const NOTHING = new Uint8Array(0);

/** What an envelope holds: the type in words and the object's own message. */
export interface Envelope {
  readonly apiVersion: string;
  readonly kind: string;
  readonly raw: Uint8Array;
}

/** Whether a body starts as an envelope does. */
export function isEnvelope(bytes: Uint8Array): boolean {
  return MAGIC.every((byte, index) => bytes[index] === byte);
}

/** Opens an envelope; undefined when the bytes do not start with the magic. Throws ProtobufError. */
export function openEnvelope(bytes: Uint8Array): Envelope | undefined {
  if (!isEnvelope(bytes)) return undefined;
  const fields = readFields(bytes.subarray(MAGIC.length));
  const typeMeta = readFields(last(fields, 1)?.bytes ?? NOTHING);
  const text = (number: number) => Buffer.from(last(typeMeta, number)?.bytes ?? NOTHING).toString('utf8');
  return { apiVersion: text(1), kind: text(2), raw: last(fields, 2)?.bytes ?? NOTHING };
}

/**
 * Decodes an enveloped object into JSON form (not yet canonical: hand it to `decodeParsed()`). `expected` stands in
 * where the envelope names no kind. undefined when the bytes are no envelope or of a kind the schema does not have.
 * Throws ProtobufError.
 */
export function decodeProtobuf(
  bytes: Uint8Array,
  expected?: { readonly apiVersion: string; readonly kind: string },
): JsonObject | undefined {
  const envelope = openEnvelope(bytes);
  if (envelope === undefined) return undefined;
  const apiVersion = envelope.apiVersion || (expected?.apiVersion ?? '');
  const kind = envelope.kind || (expected?.kind ?? '');
  const { group, version } = splitApiVersion(apiVersion);
  const type = typeOfGvk(group, version, kind);
  return type === undefined ? undefined : { ...decodeMessage(type, envelope.raw), apiVersion, kind };
}

/** Encodes an object of a type (schema id) with its envelope; apiVersion and kind are the object's own. */
export function encodeProtobuf(object: object, type: string): Uint8Array {
  const { apiVersion, kind } = object as { apiVersion?: string; kind?: string };
  const typeMeta = new ProtobufWriter().string(1, apiVersion ?? '').string(2, kind ?? '');
  const message = new ProtobufWriter()
    .bytes(1, typeMeta.finish())
    .bytes(2, encodeMessage(type, object as JsonObject))
    .string(3, '')
    .string(4, '');
  return Buffer.concat([MAGIC, message.finish()]);
}

/** One frame of a watch in protobuf: length, then a WatchEvent around an already enveloped object. */
export function encodeWatchFrame(eventType: string, enveloped: Uint8Array): Uint8Array {
  const raw = new ProtobufWriter().bytes(1, enveloped).finish();
  const event = new ProtobufWriter().string(1, eventType).bytes(2, raw).finish();
  const length = Buffer.alloc(4);
  length.writeUInt32BE(event.length);
  return Buffer.concat([length, event]);
}

function last(fields: readonly ProtobufField[], number: number): ProtobufField | undefined {
  return fields.findLast((field) => field.number === number);
}
