/** Which pods a ReplicaSet creates, and which it deletes. */
import type { Pod } from '#api/core/v1.gen.ts';
import { isActive, isReady, podCondition } from '#controllers/shared/pods.ts';

export interface PodPlan {
  create: number;
  remove: Pod[];
}

/** At most so many pods are created or deleted in one go. */
export const BURST = 500;
const DELETION_COST = 'controller.kubernetes.io/pod-deletion-cost';

/**
 * Brings the active ones of `pods` to `replicas`. `related` are the active pods of all sets of the same owner: a pod
 * that shares its node with more of them goes first.
 */
export function planPods(
  replicas: number,
  pods: readonly Pod[],
  related: readonly Pod[],
  nowMs: number,
): PodPlan {
  const active = pods.filter(isActive);
  const surplus = active.length - replicas;
  if (surplus <= 0) return { create: Math.min(-surplus, BURST), remove: [] };
  const count = Math.min(surplus, BURST);
  if (count === active.length) return { create: 0, remove: active };
  const perNode = new Map<string, number>();
  for (const pod of related) {
    const node = pod.spec?.nodeName ?? '';
    if (isActive(pod)) perNode.set(node, (perNode.get(node) ?? 0) + 1);
  }
  const ranked = active.map((pod) => ({ pod, rank: rankOf(pod, perNode, nowMs) }));
  ranked.sort((a, b) => compareRanks(a.rank, b.rank));
  return { create: 0, remove: ranked.slice(0, count).map(({ pod }) => pod) };
}

/** Compared from left to right; the lower goes first. Undefined parts compare as equal. */
type Rank = readonly (number | undefined)[];

function rankOf(pod: Pod, perNode: ReadonlyMap<string, number>, nowMs: number): Rank {
  const phase = { Pending: 0, Unknown: 1, Running: 2 }[pod.status?.phase ?? ''] ?? 0;
  const readySinceMs = isReady(pod)
    ? Date.parse(podCondition(pod, 'Ready')?.lastTransitionTime ?? '')
    : undefined;
  const restarts = Math.max(0, ...(pod.status?.containerStatuses ?? []).map((status) => status.restartCount));
  return [
    pod.spec?.nodeName ? 1 : 0,
    phase,
    isReady(pod) ? 1 : 0,
    Number(pod.metadata?.annotations?.[DELETION_COST] ?? 0) || 0,
    -(perNode.get(pod.spec?.nodeName ?? '') ?? 0),
    // Young ones first, in steps that double: the same age within a step is decided below.
    readySinceMs === undefined ? undefined : ageStep(nowMs - readySinceMs),
    -restarts,
    ageStep(nowMs - Date.parse(pod.metadata?.creationTimestamp ?? '')),
  ];
}

function ageStep(ageMs: number): number {
  return Number.isNaN(ageMs) ? 0 : Math.floor(Math.log2(Math.max(1, ageMs)));
}

function compareRanks(a: Rank, b: Rank): number {
  for (let part = 0; part < a.length; part++) {
    const left = a[part];
    const right = b[part];
    if (left !== undefined && right !== undefined && left !== right) return left - right;
  }
  return 0;
}
