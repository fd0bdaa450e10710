// Any JSON value -> the value as Kubernetes writes it: checked against the schema, unknown fields dropped (and told),
// zero values written or left out as Go's encoding/json does with upstream's struct tags, times and quantities in
// their canonical form. This one pass decodes request bodies, results of patches and stored objects alike.
import { isJsonObject, type JsonObject } from './object.ts';
import { canonicalQuantity, QUANTITY_ERROR } from './quantity.ts';
import { type FieldFact, isStruct, schema, shapeOf, typeInfo } from './schema.ts';
import { canonicalMicroTime, canonicalTime, formatDurationNs, parseDurationNs } from './time.ts';

/** A value of the wrong type; the sentence is that of Go's decoder. */
export class TypeMismatch extends Error {
  override readonly name = 'TypeMismatch';
}

/** Where the pass is: the struct that the current field belongs to, and the path from the top. */
interface Place {
  readonly owner: string;
  readonly path: string;
}

/** Is told of every unknown field, by path. */
export type OnUnknown = (path: string) => void;

/**
 * Brings a JSON value into the canonical form of a type (a schema id or type text). The input is not changed; parts
 * without schema (`any`) are shared with it. Throws TypeMismatch where a value cannot be of its type.
 */
export function toCanonical(type: string, value: unknown, onUnknown: OnUnknown = () => {}): unknown {
  return new Pass(onUnknown).read(type, value ?? {}, { owner: '', path: '' }, undefined);
}

/** `toCanonical()` for objects: what comes out is an object of the type. */
export function canonicalize(type: string, value: unknown, onUnknown?: OnUnknown): JsonObject {
  return toCanonical(type, value, onUnknown) as JsonObject;
}

const INT_RANGE: Record<string, readonly [number, number]> = {
  int32: [-2147483648, 2147483647],
  int64: [-(2 ** 63), 2 ** 63],
  uint32: [0, 4294967295],
};
/** What a field without pointer holds when nobody set it. Structs are made by reading {}. */
const ZERO: Record<string, unknown> = {
  string: '',
  bool: false,
  int32: 0,
  int64: 0,
  uint32: 0,
  double: 0,
  float: 0,
  IntOrString: 0,
  Quantity: '0',
  Duration: '0s',
};
/** Go structs with a JSON form of their own: omitempty does not leave them out, nil-like is null. */
const NULLABLE = new Set(['Time', 'MicroTime', 'RawExtension', 'FieldsV1']);
/** Zero is not left out, as they are structs in Go. */
const STRUCT_LIKE = new Set(['IntOrString', 'Quantity', 'Duration']);

class Pass {
  private readonly onUnknown: OnUnknown;

  constructor(onUnknown: OnUnknown) {
    this.onUnknown = onUnknown;
  }

  read(t: string, value: unknown, place: Place, field: FieldFact | undefined): unknown {
    const shape = shapeOf(t);
    if (shape.kind === 'list') return this.list(t, shape.item, value, place, field);
    if (shape.kind === 'map') return this.map(t, shape.value, value, place, field);
    if (isStruct(t)) return this.struct(t, value, place);
    return this.scalar(t, value, place, field);
  }

  private struct(id: string, value: unknown, place: Place): JsonObject {
    if (!isJsonObject(value)) throw mismatch(goStructName(id), value, place);
    const info = typeInfo(id);
    const result: JsonObject = {};
    for (const field of info.fields) {
      const given = Object.hasOwn(value, field.n) ? value[field.n] : undefined;
      const found = given ?? undefined;
      const inner = { owner: shortName(id), path: join(place.path, field.n) };
      const read = found === undefined ? undefined : this.read(field.t, found, inner, field);
      const written = this.written(field, read, inner);
      if (written !== undefined) result[field.n] = written;
    }
    for (const name of Object.keys(value)) {
      if (!info.byName.has(name)) this.onUnknown(join(place.path, name));
    }
    return result;
  }

  /** What stands in JSON for a field's value; undefined where it is left out. */
  private written(field: FieldFact, value: unknown, place: Place): unknown {
    const { kind } = shapeOf(field.t);
    if (field.ptr) return value ?? (field.omit ? undefined : null);
    if (kind === 'list' || kind === 'map' || field.t === 'bytes') {
      // What is stored does not tell empty from absent.
      return isEmpty(value) ? (field.omit ? undefined : null) : value;
    }
    if (isStruct(field.t)) return value ?? this.struct(field.t, {}, place);
    if (NULLABLE.has(field.t)) return value ?? (field.omitz ? undefined : null);
    const zero = ZERO[field.t];
    const filled = value ?? zero;
    return field.omit && filled === zero && !STRUCT_LIKE.has(field.t) ? undefined : filled;
  }

  private list(t: string, item: string, value: unknown, place: Place, field?: FieldFact): unknown[] {
    if (!Array.isArray(value)) throw mismatch(goTypeName(t, field), value, place);
    return value.map((entry: unknown, index) => {
      const inner = { owner: place.owner, path: `${place.path}[${index}]` };
      return this.element(item, entry, inner, field);
    });
  }

  private map(t: string, item: string, value: unknown, place: Place, field?: FieldFact): JsonObject {
    if (!isJsonObject(value)) throw mismatch(goTypeName(t, field), value, place);
    const entries = Object.keys(value)
      .sort()
      .map((key): [string, unknown] => {
        const inner = { owner: place.owner, path: join(place.path, key) };
        return [key, this.element(item, value[key], inner, field)];
      });
    return Object.fromEntries(entries);
  }

  /** An item of a list or map, where null stands for the type's zero. */
  private element(t: string, value: unknown, place: Place, field?: FieldFact): unknown {
    if (value !== null && value !== undefined) return this.read(t, value, place, field);
    if (isStruct(t)) return this.struct(t, {}, place);
    return ZERO[t] ?? (shapeOf(t).kind === 'list' ? [] : null);
  }

  private scalar(t: string, value: unknown, place: Place, field: FieldFact | undefined): unknown {
    switch (t) {
      case 'string':
        if (typeof value === 'string') return value;
        break;
      case 'bool':
        if (typeof value === 'boolean') return value;
        break;
      case 'int32':
      case 'int64':
      case 'uint32':
        return integer(t, value, place);
      case 'double':
      case 'float':
        if (typeof value === 'number') return value;
        break;
      case 'bytes':
        return base64(value, place);
      case 'IntOrString':
        if (typeof value === 'string') return value;
        return integer('int32', value, place);
      case 'FieldsV1':
        if (isJsonObject(value)) return value;
        break;
      case 'Time':
      case 'MicroTime':
      case 'Duration':
      case 'Quantity':
        return text(t, value, place);
      default:
        return this.special(t, value, place);
    }
    throw mismatch(goTypeName(t, field), value, place);
  }

  /** The types of apiextensions whose JSON is one of several shapes; everything else without schema stays as it is. */
  private special(t: string, value: unknown, place: Place): unknown {
    const props = 'apiextensions.k8s.io/v1.JSONSchemaProps';
    if (t.startsWith(`${props}Or`)) {
      if (isJsonObject(value)) return this.struct(props, value, place);
      if (t.endsWith('OrArray') && Array.isArray(value)) return this.list(`[]${props}`, props, value, place);
    }
    return value;
  }
}

function isEmpty(value: unknown): boolean {
  if (value === undefined || value === '') return true;
  return typeof value === 'object' && Object.keys(value ?? {}).length === 0;
}

function integer(t: string, value: unknown, place: Place): number {
  const [low = 0, high = 0] = INT_RANGE[t] ?? [];
  if (typeof value === 'number' && Number.isInteger(value) && value >= low && value <= high) {
    return value === 0 ? 0 : value;
  }
  throw mismatch(t, value, place);
}

function base64(value: unknown, place: Place): string {
  if (typeof value !== 'string') throw mismatch('[]uint8', value, place);
  const clean = value.replace(/[\r\n]/g, '');
  const bad = /^[A-Za-z0-9+/]*={0,2}$/.test(clean) && clean.length % 4 === 0 ? -1 : badBase64At(clean);
  if (bad >= 0) throw new TypeMismatch(`illegal base64 data at input byte ${bad}`);
  return clean;
}

function badBase64At(text: string): number {
  const at = text.search(/[^A-Za-z0-9+/]/);
  return at < 0 ? text.length - (text.length % 4) : at;
}

function text(t: string, value: unknown, place: Place): string | undefined {
  if (t === 'Quantity') {
    const source = typeof value === 'number' ? String(value) : value;
    const quantity = typeof source === 'string' ? canonicalQuantity(source === '' ? '0' : source) : undefined;
    if (quantity === undefined) throw new TypeMismatch(QUANTITY_ERROR);
    return quantity;
  }
  if (typeof value !== 'string') throw mismatch('string', value, place);
  if (t === 'Duration') {
    const ns = parseDurationNs(value);
    if (ns === undefined) throw new TypeMismatch(`time: invalid duration ${JSON.stringify(value)}`);
    return formatDurationNs(ns);
  }
  const time = t === 'Time' ? canonicalTime(value) : canonicalMicroTime(value);
  if (time === undefined) {
    throw new TypeMismatch(
      `parsing time ${JSON.stringify(value)} as "2006-01-02T15:04:05Z07:00": cannot parse ${JSON.stringify(value)} as "2006"`,
    );
  }
  return time;
}

function join(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`;
}

function shortName(id: string): string {
  return id.slice(id.lastIndexOf('.') + 1);
}

/** `core/v1.ServiceSpec` is `v1.ServiceSpec` in Go. */
function goStructName(id: string): string {
  return id.slice(id.lastIndexOf('/') + 1);
}

function goTypeName(t: string, field: FieldFact | undefined): string {
  const shape = shapeOf(t);
  if (schema.types[t] !== undefined) return goStructName(t);
  if (shape.kind === 'list') return `[]${goTypeName(shape.item, field)}`;
  if (shape.kind === 'map') return `map[string]${goTypeName(shape.value, field)}`;
  if (t === 'string' && field?.en !== undefined) return goStructName(field.en);
  const names: Record<string, string> = {
    double: 'float64',
    float: 'float32',
    bytes: '[]uint8',
    FieldsV1: 'v1.FieldsV1',
  };
  return names[t] ?? t;
}

function jsonKind(value: unknown, t: string): string {
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'boolean') return 'bool';
  if (typeof value === 'number') return t in INT_RANGE ? `number ${value}` : 'number';
  return typeof value;
}

function mismatch(goType: string, value: unknown, place: Place): TypeMismatch {
  const what = `json: cannot unmarshal ${jsonKind(value, goType)} into Go`;
  const stack = place.path.replaceAll(/\[\d+\]/g, '');
  return new TypeMismatch(
    stack === ''
      ? `${what} value of type ${goType}`
      : `${what} struct field ${place.owner}.${stack} of type ${goType}`,
  );
}
