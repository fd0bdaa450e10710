import { allKinds, type KindInfo, kindFor } from '#api/machinery/kinds.ts';
import type { KubeObject } from '#api/machinery/object.ts';
import { type KindStrategy, strategyFor } from '#api/machinery/strategy.ts';
import { type Conversion, storageForm } from '#apiserver/conversions.ts';

/** A resource under one group and version: what the engine knows about it. */
export interface Served {
  readonly kind: KindInfo;
  readonly strategy: KindStrategy;
  /** Name under which its objects are stored; versions of one kind share it. */
  readonly storedAs: string;
  /** Between this version and the stored one; undefined when they are the same. */
  readonly conversion: Conversion | undefined;
}

const served = new Map<KindInfo, Served>();

/** The resource at a group, version and plural; undefined when there is none. */
export function servedResource(group: string, version: string, plural: string): Served | undefined {
  const kind = kindFor(group, version, plural);
  return kind && servedKind(kind);
}

export function servedKind(kind: KindInfo): Served {
  let known = served.get(kind);
  if (known === undefined) {
    const { storedAs, conversion } = storageForm(kind);
    known = { kind, strategy: strategyFor(kind), storedAs, conversion };
    served.set(kind, known);
  }
  return known;
}

/** Whether any resource is served under a group (and version). */
export function isServedGroup(group: string, version?: string): boolean {
  return allKinds().some(
    (kind) => kind.group === group && (version === undefined || kind.version === version),
  );
}

/** An object in the version in which it is stored. */
export function toStorage(resource: Served, object: KubeObject): KubeObject {
  return resource.conversion === undefined ? object : resource.conversion.toStored(object);
}
