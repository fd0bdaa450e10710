/** What becomes of one object, given what is known of its owners and dependents. Pure. */
import type { OwnerReference } from '#api/meta/v1.gen.ts';
import { FOREGROUND, type GraphNode, isDeletingInForeground, ORPHAN } from './plan-graph.ts';

/** `waiting`: being deleted in the foreground, until its dependents are gone. */
export type OwnerState = 'there' | 'absent' | 'waiting';

export type Action =
  | { kind: 'keep' }
  | { kind: 'delete'; propagation: 'Background' | 'Foreground' | 'Orphan' }
  /** Takes away references to owners that are gone, as others are still there. */
  | { kind: 'drop-owners'; uids: string[] }
  /** Frees all dependents, then takes the finalizer `orphan` away. */
  | { kind: 'orphan-dependents' }
  /** Nothing blocks any more: takes the finalizer `foregroundDeletion` away. */
  | { kind: 'finish-foreground' }
  /** Sees to it that the dependents which block are deleted. */
  | { kind: 'delete-dependents'; uids: string[] };

const KEEP: Action = { kind: 'keep' };

/** For an object that is being deleted itself. */
export function planDeleting(node: GraphNode, dependents: readonly GraphNode[]): Action {
  if (!node.deleting) return KEEP;
  if (node.finalizers.includes(ORPHAN)) return { kind: 'orphan-dependents' };
  if (!node.finalizers.includes(FOREGROUND)) return KEEP;
  const blocking = dependents.filter((dependent) =>
    dependent.owners.some((owner) => owner.uid === node.uid && owner.blockOwnerDeletion === true),
  );
  if (blocking.length === 0) return { kind: 'finish-foreground' };
  return { kind: 'delete-dependents', uids: dependents.map(({ uid }) => uid) };
}

/** For an object whose owners may be gone. `states` has one entry per reference. */
export function planOwned(
  node: GraphNode,
  states: ReadonlyMap<OwnerReference, OwnerState>,
  dependents: readonly GraphNode[],
): Action {
  if (node.deleting || node.owners.length === 0) return KEEP;
  const uidsIn = (state: OwnerState): string[] =>
    node.owners.filter((owner) => states.get(owner) === state).map(({ uid }) => uid);
  const there = uidsIn('there');
  const absent = uidsIn('absent');
  const waiting = uidsIn('waiting');
  if (there.length > 0) {
    const drop = [...absent, ...waiting];
    return drop.length > 0 ? { kind: 'drop-owners', uids: drop } : KEEP;
  }
  // The owner waits for us: we wait for our own dependents in turn.
  if (waiting.length > 0 && dependents.length > 0) return { kind: 'delete', propagation: 'Foreground' };
  if (waiting.length === 0 && absent.length === 0) return KEEP;
  return { kind: 'delete', propagation: propagationOf(node) };
}

/** As the object's own finalizers ask for. */
function propagationOf(node: GraphNode): 'Background' | 'Foreground' | 'Orphan' {
  if (node.finalizers.includes(ORPHAN)) return 'Orphan';
  return node.finalizers.includes(FOREGROUND) ? 'Foreground' : 'Background';
}

/** What the graph alone tells of an owner; undefined: it must be looked up. */
export function stateInGraph(
  owner: GraphNode | undefined,
  reference: OwnerReference,
): OwnerState | undefined {
  if (owner === undefined) return undefined;
  // A reference that blocks makes the owner wait for us; one that does not, leaves us to the end of the owner.
  return isDeletingInForeground(owner) && reference.blockOwnerDeletion === true ? 'waiting' : 'there';
}
