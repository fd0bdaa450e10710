/** What a StatefulSet tells about itself. Pure. */
import type { StatefulSet, StatefulSetStatus } from '#api/apps/v1.gen.ts';
import type { Pod } from '#api/core/v1.gen.ts';
import { equalJson } from '#api/machinery/equal.ts';
import { isFinished, isReady, isTerminating, msUntilAvailable } from '#controllers/shared/pods.ts';
import { ordinalOf, revisionOf } from './plan-identity.ts';
import type { RevisionPlan } from './plan-revisions.ts';

/** Undefined when what is stored says it already. */
export function planStatus(
  set: StatefulSet,
  pods: readonly Pod[],
  { current, update }: RevisionPlan,
  nowMs: number,
): StatefulSetStatus | undefined {
  const members = pods.filter((pod) => ordinalOf(set, pod) !== undefined && !isFinished(pod));
  const running = members.filter((pod) => pod.status?.phase === 'Running' && isReady(pod));
  const { minReadySeconds = 0, replicas: wanted = 1, updateStrategy } = set.spec;
  const ofRevision = (name: string | undefined): number =>
    members.filter((pod) => !isTerminating(pod) && revisionOf(pod) === name).length;
  const counts = {
    replicas: members.length,
    readyReplicas: running.length,
    availableReplicas: running.filter((pod) => msUntilAvailable(pod, minReadySeconds, nowMs) === 0).length,
    currentReplicas: ofRevision(current.metadata?.name),
    updatedReplicas: ofRevision(update.metadata?.name),
  };
  const done =
    updateStrategy?.type !== 'OnDelete' &&
    counts.updatedReplicas === counts.replicas &&
    counts.readyReplicas === counts.replicas &&
    counts.replicas === wanted;
  const { collisionCount = 0 } = set.status ?? {};
  const status: StatefulSetStatus = {
    observedGeneration: set.metadata?.generation,
    ...counts,
    ...(done && { currentReplicas: counts.updatedReplicas }),
    currentRevision: done ? update.metadata?.name : current.metadata?.name,
    updateRevision: update.metadata?.name,
    collisionCount,
  };
  return equalJson(status, filled(set.status)) ? undefined : status;
}

/** The server leaves out counts of 0. */
function filled(status: StatefulSetStatus | undefined): unknown {
  const zeros = {
    readyReplicas: 0,
    availableReplicas: 0,
    currentReplicas: 0,
    updatedReplicas: 0,
    collisionCount: 0,
  };
  return { ...zeros, ...status };
}
