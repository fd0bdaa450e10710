// A protobuf message -> the JSON form of a schema type.
import { ProtobufError, type ProtobufField, readFields } from '#wire/protobuf.ts';
import type { JsonObject } from './object.ts';
import { type FieldFact, schema, shapeOf } from './schema.ts';
import { formatDurationNs, formatTime } from './time.ts';

/** Nothing in the schema nests deeper in practice; schemas of custom resources could without end. */
const MAX_DEPTH = 200;
const NOTHING = new Uint8Array(0);
const PROPS = 'apiextensions.k8s.io/v1.JSONSchemaPropsOr';
const JSON_TYPE = 'apiextensions.k8s.io/v1.JSON';
const utf8 = new TextDecoder();

/** Decodes a message of a type (schema id). Fields the schema does not have are skipped. Throws ProtobufError. */
export function decodeMessage(type: string, message: Uint8Array): JsonObject {
  return readMessage(type, message, 0);
}

function readMessage(type: string, message: Uint8Array, depth: number): JsonObject {
  if (depth > MAX_DEPTH) throw new ProtobufError(`a message is nested deeper than ${MAX_DEPTH}`);
  const byNumber = Map.groupBy(readFields(message), (field) => field.number);
  const result: JsonObject = {};
  for (const fact of schema.types[type]?.fields ?? []) {
    const found = fact.pb === undefined ? undefined : byNumber.get(fact.pb);
    if (found === undefined) continue;
    if (fact.inline) Object.assign(result, readMessage(fact.t, found.at(-1)?.bytes ?? NOTHING, depth + 1));
    else result[fact.n] = readFound(fact, found, depth);
  }
  return result;
}

function readFound(fact: FieldFact, found: readonly ProtobufField[], depth: number): unknown {
  const wrapped = schema.types[fact.t]?.wrap !== undefined;
  const shape = shapeOf(fact.t);
  if (shape.kind === 'list' && !wrapped) return found.map((field) => readValue(shape.item, field, depth));
  if (shape.kind === 'map') return readMap(shape.value, found, depth);
  return readValue(fact.t, found.at(-1), depth);
}

function readMap(valueType: string, entries: readonly ProtobufField[], depth: number): JsonObject {
  return Object.fromEntries(
    entries.map((entry) => {
      const fields = readFields(entry.bytes);
      const key = utf8.decode(find(fields, 1)?.bytes ?? NOTHING);
      return [key, readValue(valueType, find(fields, 2), depth)];
    }),
  );
}

function find(fields: readonly ProtobufField[], number: number): ProtobufField | undefined {
  return fields.findLast((field) => field.number === number);
}

function readValue(t: string, field: ProtobufField | undefined, depth: number): unknown {
  const bytes = field?.bytes ?? NOTHING;
  switch (t) {
    case 'string':
      return utf8.decode(bytes);
    case 'bool':
      return (field?.varint ?? 0n) !== 0n;
    case 'int32':
      return Number(BigInt.asIntN(32, field?.varint ?? 0n));
    case 'int64':
      return Number(BigInt.asIntN(64, field?.varint ?? 0n));
    case 'uint32':
      return Number(BigInt.asUintN(32, field?.varint ?? 0n));
    case 'double':
      return bytes.length === 8 ? Buffer.from(bytes).readDoubleLE() : 0;
    case 'float':
      return bytes.length === 4 ? Buffer.from(bytes).readFloatLE() : 0;
    case 'bytes':
      return Buffer.from(bytes).toString('base64');
    default:
      return readOwn(t, bytes, depth);
  }
}

/** Messages whose JSON is not an object of their fields. */
function readOwn(t: string, bytes: Uint8Array, depth: number): unknown {
  if (t === 'Time' || t === 'MicroTime') return readTime(bytes, t === 'MicroTime');
  if (t === 'Duration')
    return formatDurationNs(Number(BigInt.asIntN(64, find(readFields(bytes), 1)?.varint ?? 0n)));
  if (t === 'Quantity') return utf8.decode(find(readFields(bytes), 1)?.bytes ?? NOTHING);
  if (t === 'IntOrString') return readIntOrString(bytes);
  if (t === 'RawExtension' || t === 'FieldsV1' || t === JSON_TYPE) return readRaw(bytes);
  if (schema.types[t]?.wrap !== undefined) return readFields(bytes).map((field) => utf8.decode(field.bytes));
  const message = readMessage(t, bytes, depth + 1);
  if (t === `${PROPS}Bool`) return message['schema'] ?? message['allows'] ?? false;
  if (t === `${PROPS}Array`) return message['jSONSchemas'] ?? message['schema'] ?? null;
  if (t === `${PROPS}StringArray`) return message['property'] ?? message['schema'] ?? null;
  return message;
}

/** Seconds and nanoseconds since 1970; the zero time is an empty message and null in JSON. */
function readTime(bytes: Uint8Array, micro: boolean): string | null {
  if (bytes.length === 0) return null;
  const fields = readFields(bytes);
  const seconds = Number(BigInt.asIntN(64, find(fields, 1)?.varint ?? 0n));
  const nanos = Number(BigInt.asUintN(32, find(fields, 2)?.varint ?? 0n));
  if (seconds < -62135596800 || seconds > 253402300799)
    throw new ProtobufError(`the time ${seconds} is out of range`);
  const text = formatTime(seconds * 1000);
  if (!micro) return text;
  const micros = Math.min(999_999, Math.trunc(nanos / 1000));
  return `${text.slice(0, -1)}.${String(micros).padStart(6, '0')}Z`;
}

function readIntOrString(bytes: Uint8Array): number | string {
  const fields = readFields(bytes);
  if (find(fields, 1)?.varint === 1n) return utf8.decode(find(fields, 3)?.bytes ?? NOTHING);
  return Number(BigInt.asIntN(32, find(fields, 2)?.varint ?? 0n));
}

/** An embedded value travels as JSON text. */
function readRaw(bytes: Uint8Array): unknown {
  const text = utf8.decode(find(readFields(bytes), 1)?.bytes ?? NOTHING);
  if (text === '') return null;
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw new ProtobufError('an embedded value is not JSON', { cause: error });
  }
}
