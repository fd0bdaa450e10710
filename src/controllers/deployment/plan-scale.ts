/** How many replicas each ReplicaSet of a Deployment gets. Pure. */
import type { Deployment, ReplicaSet } from '#api/apps/v1.gen.ts';
import { isRolling, maxSurgeOf, maxUnavailableOf } from './plan-limits.ts';
import { maxReplicasAnnotation, replicasOf, type Sets } from './plan-sets.ts';

export interface Scaling {
  set: ReplicaSet;
  replicas: number;
}

const sum = (sets: readonly ReplicaSet[], of: (set: ReplicaSet) => number): number =>
  sets.reduce((total, set) => total + of(set), 0);
const available = (set: ReplicaSet): number => set.status?.availableReplicas ?? 0;

/** What the new set is to have now, given how many the old ones still hold. */
export function newSetReplicas(deployment: Deployment, { fresh, old }: Sets): number {
  const desired = replicasOf(deployment);
  if (!isRolling(deployment)) return desired;
  const current = fresh === undefined ? 0 : replicasOf(fresh);
  const total = sum(old, replicasOf) + current;
  const room = desired + maxSurgeOf(deployment) - total;
  if (room <= 0) return current;
  return current + Math.min(room, desired - current);
}

/** Scales the old sets down as far as enough pods stay available: broken pods first, then the oldest sets. */
export function planOldSets(deployment: Deployment, { fresh, old }: Sets): Scaling[] {
  const active = old.filter((set) => replicasOf(set) > 0);
  if (active.length === 0) return [];
  const all = fresh === undefined ? old : [...old, fresh];
  const minAvailable = replicasOf(deployment) - maxUnavailableOf(deployment);
  const freshUnavailable = fresh === undefined ? 0 : replicasOf(fresh) - available(fresh);
  let removable = sum(all, replicasOf) - minAvailable - freshUnavailable;
  if (removable <= 0) return [];
  const planned = new Map(active.map((set) => [set, replicasOf(set)]));
  for (const set of active) {
    const broken = replicasOf(set) - available(set);
    const less = Math.min(Math.max(0, broken), removable);
    planned.set(set, replicasOf(set) - less);
    removable -= less;
  }
  const left = (set: ReplicaSet): number => planned.get(set) ?? 0;
  let spare = sum(all, (set) => Math.min(available(set), planned.get(set) ?? Infinity)) - minAvailable;
  for (const set of active) {
    if (spare <= 0) break;
    const less = Math.min(left(set), spare);
    planned.set(set, left(set) - less);
    spare -= less;
  }
  return active.filter((set) => left(set) !== replicasOf(set)).map((set) => ({ set, replicas: left(set) }));
}

/** Every old set to nothing: the first half of Recreate. */
export function planEmptying({ old }: Sets): Scaling[] {
  return old.filter((set) => replicasOf(set) > 0).map((set) => ({ set, replicas: 0 }));
}

/**
 * Follows a change of `replicas` outside of a rollout, or in the middle of one: then every active set gets its share,
 * in proportion to its size.
 */
export function planScaling(deployment: Deployment, sets: Sets): Scaling[] {
  const desired = replicasOf(deployment);
  const only = activeOrLatest(sets);
  if (only !== undefined) return replicasOf(only) === desired ? [] : [{ set: only, replicas: desired }];
  const { fresh, old } = sets;
  if (fresh !== undefined && isSaturated(deployment, fresh)) return planEmptying(sets);
  if (!isRolling(deployment)) return [];
  const active = [...old, ...(fresh ? [fresh] : [])].filter((set) => replicasOf(set) > 0);
  const total = sum(active, replicasOf);
  const allowed = desired > 0 ? desired + maxSurgeOf(deployment) : 0;
  return shares(active, allowed - total, allowed, desired);
}

/** The one set that holds all pods, if it is one: the active one, or without any the newest. */
function activeOrLatest({ fresh, old }: Sets): ReplicaSet | undefined {
  const all = fresh === undefined ? old : [...old, fresh];
  const active = all.filter((set) => replicasOf(set) > 0);
  if (active.length > 1) return undefined;
  return active[0] ?? fresh ?? old.at(-1);
}

function isSaturated(deployment: Deployment, set: ReplicaSet): boolean {
  const desired = replicasOf(deployment);
  return replicasOf(set) === desired && available(set) === desired;
}

/** Hands out `missing` (negative: takes away) in proportion; what rounding leaves goes to the largest set. */
function shares(active: readonly ReplicaSet[], missing: number, allowed: number, desired: number): Scaling[] {
  // The larger ones first; of equals growing favours the newer, shrinking the older.
  const newestFirst = [...active].reverse();
  const order = (missing > 0 ? newestFirst : [...active]).sort((a, b) => replicasOf(b) - replicasOf(a));
  let given = 0;
  const planned = order.map((set) => {
    const share = missing === 0 ? 0 : fractionOf(set, missing, given, allowed, desired);
    given += share;
    return { set, replicas: replicasOf(set) + share };
  });
  const largest = planned[0];
  if (largest !== undefined) largest.replicas = Math.max(0, largest.replicas + missing - given);
  return planned;
}

function fractionOf(
  set: ReplicaSet,
  missing: number,
  given: number,
  allowed: number,
  desired: number,
): number {
  const before = maxReplicasAnnotation(set) ?? desired;
  if (before === 0) return 0;
  const exact = (replicasOf(set) * allowed) / before - replicasOf(set);
  const rounded = exact < 0 ? -Math.round(-exact) : Math.round(exact);
  const left = missing - given;
  return missing > 0 ? Math.max(0, Math.min(rounded, left)) : Math.min(0, Math.max(rounded, left));
}
