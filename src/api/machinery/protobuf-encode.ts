// The JSON form of a schema type -> its protobuf message, byte for byte as upstream writes it: fields by number, what
// is no pointer written even when zero, map entries by key.
import { ProtobufWriter } from '#wire/protobuf.ts';
import type { JsonObject } from './object.ts';
import { type FieldFact, schema, shapeOf, typeInfo } from './schema.ts';
import { parseDurationNs } from './time.ts';

const PROPS = 'apiextensions.k8s.io/v1.JSONSchemaPropsOr';
const JSON_TYPE = 'apiextensions.k8s.io/v1.JSON';
const SCALARS = new Set(['string', 'bool', 'int32', 'int64', 'uint32', 'double', 'float', 'bytes']);
const NOTHING = new Uint8Array(0);
const ordered = new Map<string, readonly FieldFact[]>();

/** Encodes a value of a type (schema id) whose JSON is an object. */
export function encodeMessage(type: string, value: JsonObject): Uint8Array {
  const writer = new ProtobufWriter();
  for (const fact of fieldsByNumber(type)) writeField(writer, fact, value);
  return writer.finish();
}

function fieldsByNumber(type: string): readonly FieldFact[] {
  let fields = ordered.get(type);
  if (fields === undefined) {
    const facts = (schema.types[type]?.fields ?? []).filter((fact) => fact.pb !== undefined);
    fields = facts.sort((a, b) => (a.pb ?? 0) - (b.pb ?? 0));
    ordered.set(type, fields);
  }
  return fields;
}

function writeField(writer: ProtobufWriter, fact: FieldFact, object: JsonObject): void {
  const number = fact.pb ?? 0;
  if (fact.inline) {
    // The inner fields stand in the same JSON object.
    const present = typeInfo(fact.t).fields.some((inner) => object[inner.n] !== undefined);
    if (!fact.ptr || present) writer.bytes(number, encodeMessage(fact.t, object));
    return;
  }
  const value = object[fact.n] ?? undefined;
  const wrapped = schema.types[fact.t]?.wrap !== undefined;
  const shape = shapeOf(fact.t);
  if (shape.kind === 'list' && !wrapped) {
    for (const item of (value ?? []) as unknown[]) writeValue(writer, number, shape.item, item);
  } else if (shape.kind === 'map') {
    writeMap(writer, number, shape.value, (value ?? {}) as JsonObject);
  } else if (value !== undefined || !(fact.ptr || fact.t === 'bytes' || wrapped)) {
    writeValue(writer, number, fact.t, value);
  }
}

function writeMap(writer: ProtobufWriter, number: number, valueType: string, map: JsonObject): void {
  const keys = Object.keys(map).sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  for (const key of keys) {
    const entry = new ProtobufWriter().string(1, key);
    writeValue(entry, 2, valueType, map[key]);
    writer.bytes(number, entry.finish());
  }
}

function writeValue(writer: ProtobufWriter, number: number, t: string, value: unknown): void {
  if (!SCALARS.has(t)) {
    writer.bytes(number, encodeOwn(t, value));
    return;
  }
  switch (t) {
    case 'string':
      writer.string(number, textOf(value));
      break;
    case 'bytes':
      writer.bytes(number, Buffer.from(textOf(value), 'base64'));
      break;
    case 'bool':
      writer.varint(number, value === true);
      break;
    case 'double':
      writer.double(number, Number(value ?? 0));
      break;
    case 'float':
      writer.float(number, Number(value ?? 0));
      break;
    default:
      writer.varint(number, Math.trunc(Number(value ?? 0)));
  }
}

/** Messages whose JSON is not an object of their fields, then all others. */
function encodeOwn(t: string, value: unknown): Uint8Array {
  if (t === 'Time' || t === 'MicroTime') return encodeTime(value, t === 'MicroTime');
  if (t === 'Duration')
    return new ProtobufWriter().varint(1, parseDurationNs(textOf(value) || '0') ?? 0).finish();
  if (t === 'Quantity') return new ProtobufWriter().string(1, textOf(value) || '0').finish();
  if (t === 'IntOrString') return encodeIntOrString(value);
  if (t === 'RawExtension' || t === 'FieldsV1' || t === JSON_TYPE) {
    return value === undefined || value === null
      ? NOTHING
      : new ProtobufWriter().string(1, JSON.stringify(value)).finish();
  }
  if (schema.types[t]?.wrap !== undefined) {
    const writer = new ProtobufWriter();
    for (const item of (value ?? []) as string[]) writer.string(1, item);
    return writer.finish();
  }
  return encodeMessage(t, t.startsWith(PROPS) ? asProps(t, value) : ((value ?? {}) as JsonObject));
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function asProps(t: string, value: unknown): JsonObject {
  if (t === `${PROPS}Bool`)
    return typeof value === 'boolean' ? { allows: value } : { allows: true, schema: value };
  const list = t === `${PROPS}Array` ? 'jSONSchemas' : 'property';
  return Array.isArray(value) ? { [list]: value } : { schema: value };
}

function encodeTime(value: unknown, micro: boolean): Uint8Array {
  if (typeof value !== 'string' || value === '') return NOTHING;
  const seconds = Math.floor(Date.parse(`${value.slice(0, 19)}Z`) / 1000);
  const nanos = micro ? Number(value.slice(20, 26)) * 1000 : 0;
  return new ProtobufWriter().varint(1, seconds).varint(2, nanos).finish();
}

function encodeIntOrString(value: unknown): Uint8Array {
  const isText = typeof value === 'string';
  return new ProtobufWriter()
    .varint(1, isText ? 1 : 0)
    .varint(2, isText ? 0 : Number(value ?? 0))
    .string(3, isText ? value : '')
    .finish();
}
