/** Who owns what: controller references, and which free objects a controller may adopt. */
import { type KubeObject, splitApiVersion } from '#api/machinery/object.ts';
import type { OwnerReference } from '#api/meta/v1.gen.ts';
import type { ControllerDefinition } from './context.ts';

/** The facts of a kind that references carry. */
export type OwnerKind = Pick<ControllerDefinition['watches'][number], 'group' | 'version' | 'kind'>;

/** The reference to the object's managing controller. */
export function controllerOf(object: KubeObject): OwnerReference | undefined {
  return object.metadata?.ownerReferences?.find((owner) => owner.controller === true);
}

/** The reference that makes `owner` the managing controller. */
export function controllerReference(kind: OwnerKind, owner: KubeObject): OwnerReference {
  return {
    apiVersion: kind.group === '' ? kind.version : `${kind.group}/${kind.version}`,
    kind: kind.kind,
    name: owner.metadata?.name ?? '',
    uid: owner.metadata?.uid ?? '',
    controller: true,
    blockOwnerDeletion: true,
  };
}

/** Whether a reference means this kind, whatever its version. */
export function refersTo(reference: OwnerReference, kind: OwnerKind): boolean {
  return reference.kind === kind.kind && splitApiVersion(reference.apiVersion).group === kind.group;
}

/** What a controller does about the objects near its selector. */
export interface Claim<T> {
  /** Ours already, and still selected. */
  owned: T[];
  /** Free and selected: to be made ours. */
  adopt: T[];
  /** Ours but no longer selected: to be let go. */
  release: T[];
}

/** Sorts candidates. An owner being deleted adopts nothing; objects being deleted are neither adopted nor let go. */
export function planClaim<T extends KubeObject>(
  owner: KubeObject,
  candidates: Iterable<T>,
  selected: (object: T) => boolean,
): Claim<T> {
  const claim: Claim<T> = { owned: [], adopt: [], release: [] };
  const ownerLeaves = owner.metadata?.deletionTimestamp !== undefined;
  for (const object of candidates) {
    const controller = controllerOf(object);
    const leaves = object.metadata?.deletionTimestamp !== undefined;
    if (controller !== undefined) {
      if (controller.uid !== owner.metadata?.uid) continue;
      if (selected(object)) claim.owned.push(object);
      else if (!ownerLeaves && !leaves) claim.release.push(object);
    } else if (!ownerLeaves && !leaves && selected(object)) {
      claim.adopt.push(object);
    }
  }
  return claim;
}

/** A strategic merge patch that adds our reference, refused by the server when the object is another one meanwhile. */
export function adoptPatch(reference: OwnerReference, uid: string): unknown {
  return { metadata: { ownerReferences: [reference], uid } };
}

/** A strategic merge patch that takes our reference away. */
export function releasePatch(ownerUid: string, uid: string): unknown {
  return { metadata: { ownerReferences: [{ $patch: 'delete', uid: ownerUid }], uid } };
}
