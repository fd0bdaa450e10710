import { joinApiVersion, splitApiVersion } from './object.ts';
import { type SubresourceFact, schema } from './schema.ts';

/** A kind that has a resource: what discovery says of it, and the schema id of its type. */
export interface KindInfo {
  /** '' for the core group. */
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  /** Schema id, for example `core/v1.Service`. */
  readonly type: string;
  readonly plural: string;
  readonly singular: string;
  readonly namespaced: boolean;
  readonly verbs: readonly string[];
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  /** group/version in which upstream stores it. */
  readonly storage: string;
  /** Schema id of its list type; undefined for kinds that cannot be listed (reviews). */
  readonly list: string | undefined;
  readonly subresources: Readonly<Record<string, SubresourceFact>>;
  /** `v1`, `apps/v1`. */
  readonly apiVersion: string;
  /** `services`, `deployments.apps`: how messages and `kubectl` name the resource. */
  readonly resource: string;
}

/** Group, version and kind of something that travels without being a resource (Status, Scale, DeleteOptions …). */
export interface WireKind {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly type: string;
}

let kinds: readonly KindInfo[] | undefined;
const byPlural = new Map<string, KindInfo>();
const byGvk = new Map<string, KindInfo>();

/** Every kind with a resource, in the schema's order. */
export function allKinds(): readonly KindInfo[] {
  kinds ??= schema.kinds.map((fact) => {
    const apiVersion = joinApiVersion(fact.group, fact.version);
    const info: KindInfo = {
      ...fact,
      shortNames: fact.shortNames ?? [],
      categories: fact.categories ?? [],
      storage: fact.storage ?? apiVersion,
      list: fact.list,
      subresources: fact.subresources ?? {},
      apiVersion,
      resource: fact.group === '' ? fact.plural : `${fact.plural}.${fact.group}`,
    };
    byPlural.set(`${apiVersion}/${info.plural}`, info);
    byGvk.set(`${apiVersion}/${info.kind}`, info);
    return info;
  });
  return kinds;
}

/** The kind served as `plural` under a group ('' is core) and version; undefined if there is none. */
export function kindFor(group: string, version: string, plural: string): KindInfo | undefined {
  allKinds();
  return byPlural.get(`${joinApiVersion(group, version)}/${plural}`);
}

/** The kind that an object with this group, version and kind is of; undefined if there is none. */
export function kindByGvk(group: string, version: string, kind: string): KindInfo | undefined {
  allKinds();
  return byGvk.get(`${joinApiVersion(group, version)}/${kind}`);
}

/** The kind of an object, by its own apiVersion and kind. */
export function kindOfObject(object: { apiVersion?: unknown; kind?: unknown }): KindInfo | undefined {
  if (typeof object.apiVersion !== 'string' || typeof object.kind !== 'string') return undefined;
  const { group, version } = splitApiVersion(object.apiVersion);
  return kindByGvk(group, version, object.kind);
}

/**
 * The schema id of any kind that may travel, with or without a resource. The kinds of meta (Status, DeleteOptions,
 * CreateOptions …) are found under every group and version, as upstream registers them.
 */
export function typeOfGvk(group: string, version: string, kind: string): string | undefined {
  const served = kindByGvk(group, version, kind);
  if (served !== undefined) return served.type;
  const list = kind.endsWith('List') ? kindByGvk(group, version, kind.slice(0, -4))?.list : undefined;
  if (list !== undefined) return list;
  const exact = schema.wireKinds.find(
    (wire) => wire.kind === kind && wire.group === group && wire.version === version,
  );
  return exact?.type ?? schema.wireKinds.find((wire) => wire.kind === kind && isMeta(wire))?.type;
}

function isMeta(wire: WireKind): boolean {
  return wire.type.startsWith('meta/v1.');
}
