/** What a Deployment tells about itself, and whether its rollout gets on. Pure. */
import type { Deployment, DeploymentCondition, DeploymentStatus, ReplicaSet } from '#api/apps/v1.gen.ts';
import { formatTime } from '#api/machinery/time.ts';
import { maxUnavailableOf } from './plan-limits.ts';
import { replicasOf, type Sets } from './plan-sets.ts';

type Counts = Pick<
  DeploymentStatus,
  | 'replicas'
  | 'updatedReplicas'
  | 'readyReplicas'
  | 'availableReplicas'
  | 'unavailableReplicas'
  | 'terminatingReplicas'
>;

/** No deadline. */
const FOREVER_SECONDS = 2 ** 31 - 1;
export const DEFAULT_DEADLINE_SECONDS = 600;

export function countsOf(deployment: Deployment, { fresh, old }: Sets): Required<Counts> {
  const all = fresh === undefined ? old : [...old, fresh];
  const total = (of: (set: ReplicaSet) => number | undefined): number =>
    all.reduce((sum, set) => sum + (of(set) ?? 0), 0);
  const available = total((set) => set.status?.availableReplicas);
  return {
    replicas: total((set) => set.status?.replicas),
    updatedReplicas: fresh?.status?.replicas ?? 0,
    readyReplicas: total((set) => set.status?.readyReplicas),
    availableReplicas: available,
    unavailableReplicas: Math.max(0, total(replicasOf) - available),
    terminatingReplicas: total((set) => set.status?.terminatingReplicas),
  };
}

/** Every replica is of the new template and available, and nothing of old ones is left. */
export function isComplete(deployment: Deployment, counts: Counts): boolean {
  const desired = replicasOf(deployment);
  return (
    counts.updatedReplicas === desired &&
    counts.replicas === desired &&
    counts.availableReplicas === desired &&
    (deployment.status?.observedGeneration ?? 0) >= (deployment.metadata?.generation ?? 0)
  );
}

/** Anything moved since the status was written. */
function isProgressing(deployment: Deployment, counts: Required<Counts>): boolean {
  const before = deployment.status ?? {};
  const oldBefore = (before.replicas ?? 0) - (before.updatedReplicas ?? 0);
  const oldNow = (counts.replicas ?? 0) - (counts.updatedReplicas ?? 0);
  return (
    (counts.updatedReplicas ?? 0) > (before.updatedReplicas ?? 0) ||
    oldNow < oldBefore ||
    (counts.readyReplicas ?? 0) > (before.readyReplicas ?? 0) ||
    (counts.availableReplicas ?? 0) > (before.availableReplicas ?? 0)
  );
}

export interface StatusPlan {
  status: DeploymentStatus;
  /** When to look again whether the deadline has passed. */
  checkAgainMs: number | undefined;
}

/** `created`: the new set was made (or an old one taken up again) just now. */
export function planStatus(
  deployment: Deployment,
  sets: Sets,
  created: string | undefined,
  nowMs: number,
): StatusPlan {
  const counts = countsOf(deployment, sets);
  const conditions = new Conditions(deployment.status?.conditions ?? [], nowMs);
  const enough = (counts.availableReplicas ?? 0) >= replicasOf(deployment) - maxUnavailableOf(deployment);
  if (enough) {
    conditions.set('Available', 'True', 'MinimumReplicasAvailable', 'Deployment has minimum availability.');
  } else {
    const message = 'Deployment does not have minimum availability.';
    conditions.set('Available', 'False', 'MinimumReplicasUnavailable', message);
  }
  setFailure(conditions, sets);
  const checkAgainMs = setProgress(conditions, deployment, sets, counts, created, nowMs);
  const { collisionCount } = deployment.status ?? {};
  const status: DeploymentStatus = {
    observedGeneration: deployment.metadata?.generation,
    ...counts,
    ...(collisionCount === undefined ? {} : { collisionCount }),
    conditions: conditions.list,
  };
  return { status, checkAgainMs };
}

/** What keeps the new set (or without one an old set) from making pods. */
function setFailure(conditions: Conditions, { fresh, old }: Sets): void {
  const all = fresh === undefined ? old : [fresh, ...old];
  for (const set of all) {
    const failure = set.status?.conditions?.find(({ type }) => type === 'ReplicaFailure');
    if (failure === undefined) continue;
    conditions.set('ReplicaFailure', failure.status ?? '', failure.reason ?? '', failure.message ?? '');
    return;
  }
  conditions.remove('ReplicaFailure');
}

function setProgress(
  conditions: Conditions,
  deployment: Deployment,
  sets: Sets,
  counts: Required<Counts>,
  created: string | undefined,
  nowMs: number,
): number | undefined {
  const { paused, progressDeadlineSeconds: deadline = DEFAULT_DEADLINE_SECONDS } = deployment.spec;
  const current = conditions.get('Progressing');
  if (deadline >= FOREVER_SECONDS) return undefined;
  if (paused === true) {
    if (current?.reason !== 'ProgressDeadlineExceeded') {
      conditions.set('Progressing', 'Unknown', 'DeploymentPaused', 'Deployment is paused');
    }
    return undefined;
  }
  if (current?.reason === 'DeploymentPaused') {
    conditions.set('Progressing', 'Unknown', 'DeploymentResumed', 'Deployment is resumed');
  }
  if (created !== undefined) {
    conditions.touch('Progressing', 'True', 'NewReplicaSetCreated', `Created new replica set "${created}"`);
    return deadline * 1000;
  }
  const what =
    sets.fresh === undefined
      ? `Deployment "${deployment.metadata?.name}"`
      : `ReplicaSet "${sets.fresh.metadata?.name}"`;
  const done = counts.replicas === counts.updatedReplicas && current?.reason === 'NewReplicaSetAvailable';
  if (done) return undefined;
  if (isComplete(deployment, counts)) {
    conditions.set('Progressing', 'True', 'NewReplicaSetAvailable', `${what} has successfully progressed.`);
    return undefined;
  }
  if (current === undefined || isProgressing(deployment, counts)) {
    conditions.touch('Progressing', 'True', 'ReplicaSetUpdated', `${what} is progressing.`);
    return deadline * 1000;
  }
  const leftMs = Date.parse(current.lastUpdateTime ?? '') + deadline * 1000 - nowMs;
  if (current.reason === 'ProgressDeadlineExceeded') return undefined;
  if (leftMs > 0) return leftMs;
  conditions.set('Progressing', 'False', 'ProgressDeadlineExceeded', `${what} has timed out progressing.`);
  return undefined;
}

/** A list of conditions that keeps times as the API wants them. */
class Conditions {
  list: DeploymentCondition[];
  readonly #now: string;

  constructor(list: readonly DeploymentCondition[], nowMs: number) {
    this.list = [...list];
    this.#now = formatTime(nowMs);
  }

  get(type: string): DeploymentCondition | undefined {
    return this.list.find((condition) => condition.type === type);
  }

  /** Nothing changes when status and reason are the same. */
  set(type: string, status: string, reason: string, message: string): void {
    const current = this.get(type);
    if (current?.status !== status || current.reason !== reason) this.touch(type, status, reason, message);
  }

  /** Renews `lastUpdateTime` in any case. */
  touch(type: string, status: string, reason: string, message: string): void {
    const current = this.get(type);
    const lastTransitionTime = current?.status === status ? current.lastTransitionTime : this.#now;
    this.remove(type);
    this.list.push({ type, status, reason, message, lastUpdateTime: this.#now, lastTransitionTime });
  }

  remove(type: string): void {
    this.list = this.list.filter((condition) => condition.type !== type);
  }
}
