/** What a ReplicaSet tells about itself. */
import type { ReplicaSetCondition, ReplicaSetStatus } from '#api/apps/v1.gen.ts';
import type { Pod } from '#api/core/v1.gen.ts';
import { equalJson } from '#api/machinery/equal.ts';
import { formatTime } from '#api/machinery/time.ts';
import type { ObjectMeta } from '#api/meta/v1.gen.ts';
import { isActive, isReady, isTerminating, msUntilAvailable } from '#controllers/shared/pods.ts';

/** The fields that ReplicaSets and ReplicationControllers share, read from either. */
export interface ReplicaView {
  metadata: ObjectMeta;
  replicas: number;
  minReadySeconds: number;
  templateLabels: Record<string, string>;
  status: ReplicaSetStatus | undefined;
}

export interface StatusPlan {
  /** Undefined when what is stored says it already. */
  status: ReplicaSetStatus | undefined;
  /** A ready pod becomes available then, without any event telling. */
  nextChangeMs: number | undefined;
}

/** `failure`: what kept the controller from creating or deleting pods, if anything did. */
export function planStatus(
  view: ReplicaView,
  pods: readonly Pod[],
  failure: { reason: 'FailedCreate' | 'FailedDelete'; message: string } | undefined,
  nowMs: number,
): StatusPlan {
  const active = pods.filter(isActive);
  const waits = active.map((pod) => msUntilAvailable(pod, view.minReadySeconds, nowMs));
  const labels = Object.entries(view.templateLabels);
  const conditions = conditionsOf(view.status?.conditions ?? [], failure, nowMs);
  const status: ReplicaSetStatus = {
    replicas: active.length,
    fullyLabeledReplicas: active.filter((pod) =>
      labels.every(([key, value]) => pod.metadata?.labels?.[key] === value),
    ).length,
    readyReplicas: active.filter(isReady).length,
    availableReplicas: waits.filter((wait) => wait === 0).length,
    terminatingReplicas: pods.filter(isTerminating).length,
    observedGeneration: view.metadata.generation,
    ...(conditions.length > 0 && { conditions }),
  };
  const pending = waits.filter((wait) => wait !== undefined && wait > 0) as number[];
  return {
    status: equalJson(withZeros(status), withZeros(view.status)) ? undefined : status,
    nextChangeMs: pending.length > 0 ? Math.min(...pending) : undefined,
  };
}

/** The server leaves out counts of 0. */
function withZeros(status: ReplicaSetStatus | undefined): unknown {
  const {
    fullyLabeledReplicas = 0,
    readyReplicas = 0,
    availableReplicas = 0,
    terminatingReplicas = 0,
  } = status ?? {};
  const { replicas, observedGeneration, conditions = [] } = status ?? { replicas: -1 };
  return {
    replicas,
    fullyLabeledReplicas,
    readyReplicas,
    availableReplicas,
    terminatingReplicas,
    observedGeneration,
    conditions,
  };
}

function conditionsOf(
  old: readonly ReplicaSetCondition[],
  failure: { reason: string; message: string } | undefined,
  nowMs: number,
): ReplicaSetCondition[] {
  const others = old.filter((condition) => condition.type !== 'ReplicaFailure');
  if (failure === undefined) return others;
  const known = old.find(
    (condition) => condition.type === 'ReplicaFailure' && condition.reason === failure.reason,
  );
  const fresh = { type: 'ReplicaFailure', status: 'True', lastTransitionTime: formatTime(nowMs), ...failure };
  return [...others, known ?? fresh];
}
