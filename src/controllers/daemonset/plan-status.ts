/** What a DaemonSet says of its pods. Pure. */
import type { DaemonSet, DaemonSetStatus } from '#api/apps/v1.gen.ts';
import { equalJson } from '#api/machinery/equal.ts';
import { isReady, isTerminating, msUntilAvailable } from '#controllers/shared/pods.ts';
import { HASH_LABEL, hashOf, isAvailable, type Place } from './plan-pods.ts';

export interface StatusPlan {
  /** Absent when nothing changed. */
  status: DaemonSetStatus | undefined;
  /** When a pod that is ready comes to count as available. */
  nextChangeMs: number | undefined;
}

export function planStatus(set: DaemonSet, places: readonly Place[], nowMs: number): StatusPlan {
  const wanted = places.filter(({ runs }) => runs);
  const count = (holds: (place: Place) => boolean): number => wanted.filter(holds).length;
  const available = count(({ pods }) => pods.some((pod) => isAvailable(set, pod, nowMs)));
  const hash = hashOf(set);
  const status: DaemonSetStatus = {
    ...set.status,
    observedGeneration: set.metadata?.generation,
    desiredNumberScheduled: wanted.length,
    currentNumberScheduled: count(({ pods }) => pods.length > 0),
    numberMisscheduled: places.filter(({ runs, pods }) => !runs && pods.length > 0).length,
    numberReady: count(({ pods }) => pods.some((pod) => isReady(pod) && !isTerminating(pod))),
    numberAvailable: available,
    numberUnavailable: wanted.length - available,
    updatedNumberScheduled: count(({ pods }) =>
      pods.some((pod) => pod.metadata?.labels?.[HASH_LABEL] === hash && !isTerminating(pod)),
    ),
  };
  const waits = wanted
    .flatMap(({ pods }) => pods)
    .map((pod) => msUntilAvailable(pod, set.spec.minReadySeconds ?? 0, nowMs) ?? 0)
    .filter((leftMs) => leftMs > 0);
  return {
    status: equalJson(status, set.status) ? undefined : status,
    nextChangeMs: waits.length === 0 ? undefined : Math.min(...waits),
  };
}
