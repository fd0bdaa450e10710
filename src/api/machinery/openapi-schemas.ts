// Types of the schema as OpenAPI v3 schemas, with upstream's extensions.
import { allKinds, type KindInfo } from './kinds.ts';
import type { JsonObject } from './object.ts';
import { type FieldFact, isStruct, schema, shapeOf, typeInfo } from './schema.ts';

const PREFIXES: Readonly<Record<string, string>> = {
  meta: 'io.k8s.apimachinery.pkg.apis.meta',
  'apiextensions.k8s.io': 'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions',
  'apiregistration.k8s.io': 'io.k8s.kube-aggregator.pkg.apis.apiregistration',
};
const UTIL: Readonly<Record<string, string>> = {
  Time: 'io.k8s.apimachinery.pkg.apis.meta.v1.Time',
  MicroTime: 'io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime',
  Duration: 'io.k8s.apimachinery.pkg.apis.meta.v1.Duration',
  FieldsV1: 'io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1',
  Quantity: 'io.k8s.apimachinery.pkg.api.resource.Quantity',
  IntOrString: 'io.k8s.apimachinery.pkg.util.intstr.IntOrString',
  RawExtension: 'io.k8s.apimachinery.pkg.runtime.RawExtension',
};
const UTIL_SCHEMAS: Readonly<Record<string, JsonObject>> = {
  Time: { type: 'string', format: 'date-time' },
  MicroTime: { type: 'string', format: 'date-time' },
  Duration: { type: 'string' },
  FieldsV1: { type: 'object' },
  Quantity: { oneOf: [{ type: 'string' }, { type: 'number' }] },
  IntOrString: { oneOf: [{ type: 'integer' }, { type: 'string' }], format: 'int-or-string' },
  RawExtension: { type: 'object' },
};
const SCALARS: Readonly<Record<string, JsonObject>> = {
  string: { type: 'string' },
  bool: { type: 'boolean' },
  int32: { type: 'integer', format: 'int32' },
  int64: { type: 'integer', format: 'int64' },
  uint32: { type: 'integer', format: 'int64' },
  double: { type: 'number', format: 'double' },
  float: { type: 'number', format: 'float' },
  bytes: { type: 'string', format: 'byte' },
  any: {},
};
const ZERO: Readonly<Record<string, unknown>> = {
  string: '',
  bool: false,
  int32: 0,
  int64: 0,
  uint32: 0,
  double: 0,
  float: 0,
};
const PROPS = 'apiextensions.k8s.io/v1.JSONSchemaProps';
/** Options and statuses belong to every group and version. */
const EVERYWHERE = ['DeleteOptions', 'Status', 'WatchEvent', 'APIResourceList', 'Patch'];

/** The name of a type among a document's schemas: `io.k8s.api.core.v1.Service`. */
export function schemaName(type: string): string {
  const util = UTIL[type];
  if (util !== undefined) return util;
  const slash = type.indexOf('/');
  const group = type.slice(0, slash);
  const prefix = PREFIXES[group] ?? `io.k8s.api.${group.split('.')[0] ?? ''}`;
  return `${prefix}.${type.slice(slash + 1)}`;
}

/** A reference to a type's schema. */
export function schemaRef(type: string): JsonObject {
  return { $ref: `#/components/schemas/${schemaName(type)}` };
}

/** The schemas of some kinds, their lists and subresources, and all that they are made of. */
export function schemasFor(kinds: readonly KindInfo[]): JsonObject {
  const wanted = kinds.flatMap((kind) => [
    kind.type,
    ...(kind.list === undefined ? [] : [kind.list]),
    ...Object.values(kind.subresources).flatMap(({ type }) => (type === undefined ? [] : [type])),
  ]);
  wanted.push('meta/v1.DeleteOptions', 'meta/v1.Status', 'meta/v1.WatchEvent', 'meta/v1.APIResourceList');
  const found = new Map<string, JsonObject>([
    ['io.k8s.apimachinery.pkg.apis.meta.v1.Patch', { type: 'object' }],
  ]);
  const queue = [...new Set(wanted)];
  for (let type = queue.pop(); type !== undefined; type = queue.pop()) {
    const name = schemaName(type);
    if (found.has(name)) continue;
    found.set(name, schemaOf(type));
    queue.push(...partsOf(type));
  }
  return Object.fromEntries([...found].sort(([a], [b]) => (a < b ? -1 : Number(a > b))));
}

/** The named types that a type's fields are of. */
function partsOf(type: string): string[] {
  if (UTIL[type] !== undefined) return [];
  if (type.startsWith(`${PROPS}Or`)) return [PROPS];
  if (schema.types[type]?.wrap !== undefined || schema.types[type]?.json === 'special') return [];
  return typeInfo(type).fields.flatMap(({ t }) => {
    const leaf = leafOf(t);
    return UTIL[leaf] !== undefined || schema.types[leaf] !== undefined ? [leaf] : [];
  });
}

function leafOf(t: string): string {
  const shape = shapeOf(t);
  if (schema.types[t]?.wrap !== undefined) return 'string';
  if (shape.kind === 'list') return leafOf(shape.item);
  return shape.kind === 'map' ? leafOf(shape.value) : t;
}

function schemaOf(type: string): JsonObject {
  const util = UTIL_SCHEMAS[type];
  if (util !== undefined) return util;
  if (schema.types[type]?.json === 'special') return {};
  const { fields, fact } = typeInfo(type);
  const required = fields.filter(({ req }) => req).map(({ n }) => n);
  const gvks = groupVersionKinds(type);
  return {
    type: 'object',
    description: type.slice(type.lastIndexOf('.') + 1),
    ...(required.length > 0 && { required }),
    properties: Object.fromEntries(fields.map((field) => [field.n, propertyOf(field)])),
    ...(fact.mt !== undefined && { 'x-kubernetes-map-type': fact.mt }),
    ...(fact.unions !== undefined && { 'x-kubernetes-unions': unionsOf(fact.unions) }),
    ...(gvks.length > 0 && { 'x-kubernetes-group-version-kind': gvks }),
  };
}

function unionsOf(
  unions: readonly { discriminator?: string; fields: Record<string, string> }[],
): JsonObject[] {
  return unions.map(({ discriminator, fields }) => ({
    ...(discriminator !== undefined && { discriminator }),
    'fields-to-discriminateBy': fields,
  }));
}

function propertyOf(field: FieldFact): JsonObject {
  const { def, lt, lk, mt, ps, pk } = field;
  const value = def ?? zeroDefault(field);
  return {
    ...typeOf(field.t, field),
    ...(value !== undefined && { default: value }),
    ...(lk !== undefined && { 'x-kubernetes-list-map-keys': lk }),
    ...(lt !== undefined && { 'x-kubernetes-list-type': lt }),
    ...(mt !== undefined && { 'x-kubernetes-map-type': mt }),
    ...(pk !== undefined && { 'x-kubernetes-patch-merge-key': pk }),
    ...(ps !== undefined && { 'x-kubernetes-patch-strategy': ps }),
  };
}

function zeroDefault(field: FieldFact): unknown {
  if (field.ptr) return undefined;
  if (isStruct(field.t)) return {};
  return field.omit ? undefined : ZERO[field.t];
}

function typeOf(t: string, field?: FieldFact): JsonObject {
  const shape = shapeOf(t);
  if (shape.kind === 'list') return { type: 'array', items: itemOf(shape.item, field) };
  if (shape.kind === 'map') return { type: 'object', additionalProperties: itemOf(shape.value, field) };
  const scalar = SCALARS[t];
  if (scalar !== undefined)
    return field?.enum === undefined ? { ...scalar } : { ...scalar, enum: field.enum };
  // A reference cannot stand beside a default, so it is wrapped as upstream does.
  return field === undefined || zeroDefault(field) === undefined ? schemaRef(t) : { allOf: [schemaRef(t)] };
}

function itemOf(t: string, field: FieldFact | undefined): JsonObject {
  const scalar = SCALARS[t];
  if (scalar === undefined) return typeOf(t);
  return t === 'string' && field?.enum !== undefined ? { ...scalar, enum: field.enum } : { ...scalar };
}

function groupVersionKinds(type: string): JsonObject[] {
  const name = type.slice(type.lastIndexOf('.') + 1);
  if (type.startsWith('meta/') && EVERYWHERE.includes(name)) {
    const versions = new Map(
      allKinds().map(({ group, version }) => [`${group}/${version}`, { group, version }]),
    );
    return [...versions.values()].map(({ group, version }) => ({ group, version, kind: name }));
  }
  return [
    ...allKinds().filter((kind) => kind.type === type),
    ...schema.wireKinds.filter((kind) => kind.type === type),
    ...allKinds()
      .filter((kind) => kind.list === type)
      .map((kind) => ({ ...kind, kind: `${kind.kind}List` })),
  ].map(({ group, version, kind }) => ({ group, version, kind }));
}
