// The one source of everything known about Kubernetes types. The file holds facts (names, types, numbers, flags)
// as upstream's Go types state them; src/api/schema/README.md explains its keys.
import facts from '#api/schema/k8s-schema.json' with { type: 'json' };

/** One field of a type. Short keys are those of the schema file. */
export interface FieldFact {
  /** Name in JSON. */
  readonly n: string;
  /** `string`, `int32`, …, a type id, or one of these after `[]` or `map[string]`. */
  readonly t: string;
  /** Protobuf number. */
  readonly pb?: number;
  readonly req?: boolean;
  /** A pointer in Go: absent and zero differ. */
  readonly ptr?: boolean;
  /** Left out of JSON when zero. */
  readonly omit?: boolean;
  readonly omitz?: boolean;
  readonly inline?: boolean;
  readonly lt?: 'map' | 'set' | 'atomic';
  readonly lk?: readonly string[];
  readonly mt?: 'atomic' | 'granular';
  readonly ps?: string;
  readonly pk?: string;
  readonly def?: unknown;
  readonly enum?: readonly string[];
  readonly en?: string;
  readonly fmt?: string;
}

/** One type, as in the schema file. */
export interface TypeFact {
  readonly fields?: readonly FieldFact[];
  readonly pb?: false;
  readonly json?: 'special';
  readonly wrap?: string;
  readonly mt?: 'atomic';
  readonly unions?: readonly { discriminator?: string; fields: Record<string, string> }[];
}

/** A subresource in discovery. */
export interface SubresourceFact {
  readonly kind: string;
  readonly verbs: readonly string[];
  readonly group?: string;
  readonly version?: string;
  readonly type?: string;
}

/** A kind with a resource, as in the schema file. */
export interface KindFact {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly type: string;
  readonly plural: string;
  readonly singular: string;
  readonly namespaced: boolean;
  readonly verbs: readonly string[];
  readonly shortNames?: readonly string[];
  readonly categories?: readonly string[];
  readonly storage?: string;
  readonly list?: string;
  readonly subresources?: Readonly<Record<string, SubresourceFact>>;
}

/** A column of a Table. */
export interface ColumnFact {
  readonly name: string;
  readonly type: string;
  readonly format?: string;
  readonly priority?: number;
}

interface SchemaFile {
  readonly upstream: { readonly kubernetes: string };
  readonly types: Readonly<Record<string, TypeFact>>;
  readonly enums: Readonly<Record<string, { values: readonly string[]; closed: boolean }>>;
  readonly kinds: readonly KindFact[];
  readonly wireKinds: readonly { group: string; version: string; kind: string; type: string }[];
  readonly tables: Readonly<Record<string, readonly ColumnFact[]>>;
}

// The compiler's inferred type of the literal is of no use.
export const schema = facts as unknown as SchemaFile;

/** The Kubernetes version that the facts (and so this API) are of. */
export const KUBERNETES_VERSION = `v${schema.upstream.kubernetes}`;

/** How a type reads and writes: its fields flattened as JSON shows them, made once per type. */
export interface TypeInfo {
  readonly id: string;
  readonly fact: TypeFact;
  /** The fields as JSON shows them: those of inline structs stand in their parent's place. */
  readonly fields: readonly FieldFact[];
  readonly byName: ReadonlyMap<string, FieldFact>;
}

const infos = new Map<string, TypeInfo>();

/** The type named by a schema id such as `core/v1.Service`. Throws on an id the schema does not have. */
export function typeInfo(id: string): TypeInfo {
  const known = infos.get(id);
  if (known !== undefined) return known;
  const fact = schema.types[id];
  if (fact === undefined) throw new Error(`the API schema has no type ${id}`);
  const fields = flatten(fact);
  const info = { id, fact, fields, byName: new Map(fields.map((field) => [field.n, field])) };
  infos.set(id, info);
  return info;
}

function flatten(fact: TypeFact): FieldFact[] {
  return (fact.fields ?? []).flatMap((field) => {
    if (!field.inline) return [field];
    return flatten(schema.types[field.t] ?? {});
  });
}

/** The shape of a type text: a list, a string-keyed map, or neither. */
export type Shape =
  | { readonly kind: 'list'; readonly item: string }
  | { readonly kind: 'map'; readonly value: string }
  | { readonly kind: 'plain' };

const shapes = new Map<string, Shape>();

/** Takes `[]T` and `map[string]T` apart. */
export function shapeOf(t: string): Shape {
  const known = shapes.get(t);
  if (known !== undefined) return known;
  let shape: Shape = { kind: 'plain' };
  if (t.startsWith('[]')) shape = { kind: 'list', item: t.slice(2) };
  else if (t.startsWith('map[string]')) shape = { kind: 'map', value: t.slice('map[string]'.length) };
  else if (t.includes('.')) {
    const wrap = schema.types[t]?.wrap;
    if (wrap !== undefined) shape = { kind: 'list', item: wrap.slice(2) };
  }
  shapes.set(t, shape);
  return shape;
}

/** Whether the type text names a struct of the schema with an ordinary JSON form. */
export function isStruct(t: string): boolean {
  const fact = schema.types[t];
  return fact !== undefined && fact.json !== 'special' && fact.wrap === undefined;
}
