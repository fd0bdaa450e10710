/** What is to be done for one Deployment, given its ReplicaSets. Pure. */
import type { Deployment, DeploymentStatus, ReplicaSet } from '#api/apps/v1.gen.ts';
import { equalJson } from '#api/machinery/equal.ts';
import { isRolling } from './plan-limits.ts';
import { newSetReplicas, planEmptying, planOldSets, planScaling, type Scaling } from './plan-scale.ts';
import {
  isScaling,
  newSet,
  nextRevision,
  REVISION,
  replicasOf,
  revisionOf,
  type Sets,
  scaleAnnotations,
  setAnnotations,
  sortSets,
} from './plan-sets.ts';
import { countsOf, isComplete, planStatus } from './plan-status.ts';

export interface DeploymentPlan {
  /** The new set, when there is none of this template. */
  create: ReplicaSet | undefined;
  /** Sets to be written, with what they were before for the events. */
  update: { set: ReplicaSet; before: number; after: number }[];
  /** Old sets beyond the history limit. */
  remove: ReplicaSet[];
  /** The Deployment's revision annotation, when it has another. */
  revision: string | undefined;
  /** Undefined when what is stored says it already. */
  status: DeploymentStatus | undefined;
  checkAgainMs: number | undefined;
}

const NOTHING = { create: undefined, update: [], remove: [], revision: undefined };

/** `podsOf` counts the pods of a set that still run or stop. */
export function planDeployment(
  deployment: Deployment,
  owned: readonly ReplicaSet[],
  podsOf: (set: ReplicaSet) => number,
  nowMs: number,
): DeploymentPlan {
  const sets = sortSets(deployment, owned);
  if (deployment.metadata?.deletionTimestamp !== undefined) return finish(deployment, sets, {}, nowMs);
  if (deployment.spec.paused === true || isScaling(deployment, sets)) {
    const update = updates(deployment, sets, planScaling(deployment, sets), false);
    return finish(
      deployment,
      sets,
      { update, remove: deployment.spec.paused ? planHistory(deployment, sets) : [] },
      nowMs,
    );
  }
  return finish(deployment, sets, rollout(deployment, sets, podsOf), nowMs);
}

function rollout(
  deployment: Deployment,
  sets: Sets,
  podsOf: (set: ReplicaSet) => number,
): Partial<DeploymentPlan> {
  if (!isRolling(deployment)) {
    const emptying = planEmptying(sets);
    if (emptying.length > 0) return { update: updates(deployment, sets, emptying, false) };
    if (sets.old.some((set) => podsOf(set) > 0)) return {};
  }
  const replicas = newSetReplicas(deployment, sets);
  const revision = String(nextRevision(sets));
  if (sets.fresh === undefined) return { create: newSet(deployment, sets, replicas), revision };
  const scaling: Scaling[] = [];
  if (replicasOf(sets.fresh) !== replicas) scaling.push({ set: sets.fresh, replicas });
  else if (isRolling(deployment)) scaling.push(...planOldSets(deployment, sets));
  const remove = isComplete(deployment, countsOf(deployment, sets)) ? planHistory(deployment, sets) : [];
  return { update: updates(deployment, sets, scaling, true), remove, revision };
}

/** The sets as they are to be written; the new one also for its annotations and minReadySeconds. */
function updates(
  deployment: Deployment,
  sets: Sets,
  scaling: Scaling[],
  refresh: boolean,
): DeploymentPlan['update'] {
  const planned = new Map(scaling.map(({ set, replicas }) => [set, replicas]));
  if (refresh && sets.fresh !== undefined && !planned.has(sets.fresh)) {
    planned.set(sets.fresh, replicasOf(sets.fresh));
  }
  const changed: DeploymentPlan['update'] = [];
  for (const [set, replicas] of planned) {
    const current = set.metadata?.annotations ?? {};
    const isFresh = refresh && set === sets.fresh;
    const annotations = isFresh
      ? setAnnotations(deployment, current, nextRevision(sets))
      : { ...current, ...scaleAnnotations(deployment) };
    const spec = { ...set.spec, selector: set.spec?.selector ?? {}, replicas };
    if (isFresh) spec.minReadySeconds = deployment.spec.minReadySeconds;
    const written = { ...set, metadata: { ...set.metadata, annotations }, spec };
    if (!equalJson(withDefaults(written), withDefaults(set))) {
      changed.push({ set: written, before: replicasOf(set), after: replicas });
    }
  }
  return changed;
}

/** minReadySeconds 0 is left out by the server. */
function withDefaults(set: ReplicaSet): unknown {
  return {
    metadata: set.metadata?.annotations,
    spec: { ...set.spec, minReadySeconds: set.spec?.minReadySeconds ?? 0 },
  };
}

/** Old empty sets beyond revisionHistoryLimit, the oldest revisions. */
function planHistory(deployment: Deployment, { old }: Sets): ReplicaSet[] {
  const limit = deployment.spec.revisionHistoryLimit ?? 10;
  const alive = old.filter((set) => set.metadata?.deletionTimestamp === undefined);
  const excess = alive.length - limit;
  if (excess <= 0) return [];
  return alive
    .sort((a, b) => revisionOf(a) - revisionOf(b))
    .slice(0, excess)
    .filter((set) => (set.status?.replicas ?? 0) === 0 && replicasOf(set) === 0 && isObserved(set));
}

function isObserved(set: ReplicaSet): boolean {
  return (set.status?.observedGeneration ?? 0) >= (set.metadata?.generation ?? 0);
}

function finish(
  deployment: Deployment,
  sets: Sets,
  partial: Partial<DeploymentPlan>,
  nowMs: number,
): DeploymentPlan {
  const { status, checkAgainMs } = planStatus(deployment, sets, partial.create?.metadata?.name, nowMs);
  const revision = partial.revision;
  const known = deployment.metadata?.annotations?.[REVISION];
  return {
    ...NOTHING,
    ...partial,
    revision: revision === known ? undefined : revision,
    status: equalJson(filled(status), filled(deployment.status)) ? undefined : status,
    checkAgainMs,
  };
}

/** The server leaves out counts of 0, and the order of conditions means nothing. */
function filled(status: DeploymentStatus | undefined): unknown {
  const zeros = {
    replicas: 0,
    updatedReplicas: 0,
    readyReplicas: 0,
    availableReplicas: 0,
    unavailableReplicas: 0,
    terminatingReplicas: 0,
  };
  const conditions = Object.fromEntries(
    (status?.conditions ?? []).map((condition) => [condition.type, condition]),
  );
  return { ...zeros, ...status, conditions };
}
