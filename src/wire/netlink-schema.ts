import { type Attributes, decodeAttributes, type NetlinkWriter } from './netlink.ts';

/** How an attribute's bytes are read: `be…` in network order, `u…` in the machine's. */
export type FieldKind = 'u8' | 'be16' | 'be32' | 'be64' | 'string' | 'bytes' | 'flag';

/** Attributes by the name of their field: number, and kind or the schema of what is nested in it. */
export interface Schema {
  readonly [field: string]: readonly [type: number, kind: FieldKind | Schema];
}

type ValueOf<K> = K extends 'be64'
  ? bigint
  : K extends 'string'
    ? string
    : K extends 'bytes'
      ? Uint8Array
      : K extends 'flag'
        ? boolean
        : K extends Schema
          ? Values<K>
          : number;

/** The fields of a schema as an object; absent attributes are undefined. */
export type Values<S extends Schema> = { readonly [F in keyof S]?: ValueOf<S[F][1]> | undefined };

/** Appends an attribute for each field that has a value, in the schema's order. */
export function encodeFields<S extends Schema>(writer: NetlinkWriter, schema: S, values: Values<S>): void {
  for (const field in schema) {
    const value: unknown = values[field];
    const entry = schema[field];
    if (value !== undefined && entry !== undefined) encodeField(writer, entry, value);
  }
}

/** Reads the fields that are there. Unknown attributes are passed over. */
export function decodeFields<S extends Schema>(schema: S, attributes: Attributes): Values<S> {
  const values: Record<string, unknown> = {};
  for (const [field, [type, kind]] of Object.entries(schema)) {
    const value = decodeField(attributes, type, kind);
    if (value !== undefined) values[field] = value;
  }
  return values as Values<S>;
}

function encodeField(writer: NetlinkWriter, [type, kind]: Schema[string], value: unknown): void {
  switch (kind) {
    case 'u8':
      return writer.attributeU8(type, value as number);
    case 'be16':
      return writer.attributeBe16(type, value as number);
    case 'be32':
      return writer.attributeBe32(type, value as number);
    case 'be64':
      return writer.attributeBe64(type, value as bigint);
    case 'string':
      return writer.attributeString(type, value as string);
    case 'bytes':
      return writer.attribute(type, value as Uint8Array);
    case 'flag':
      return value === true ? writer.flag(type) : undefined;
    default:
      return writer.nested(type, () => encodeFields(writer, kind, value as Values<Schema>));
  }
}

function decodeField(attributes: Attributes, type: number, kind: FieldKind | Schema): unknown {
  switch (kind) {
    case 'u8':
    case 'be16':
    case 'be32':
    case 'be64':
    case 'string':
    case 'bytes':
      return attributes[kind](type);
    case 'flag':
      return attributes.has(type) ? true : undefined;
    default: {
      const bytes = attributes.bytes(type);
      return bytes === undefined ? undefined : decodeFields(kind, decodeAttributes(bytes));
    }
  }
}
