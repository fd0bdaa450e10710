/** Which pods of a DaemonSet are to be made and ended: one per node that takes it, updated a few at a time. Pure. */
import type { DaemonSet } from '#api/apps/v1.gen.ts';
import type { Node, Pod } from '#api/core/v1.gen.ts';
import { resolveIntOrPercent } from '#controllers/shared/int-or-percent.ts';
import { isFinished, isReady, isTerminating, msUntilAvailable } from '#controllers/shared/pods.ts';
import { safeHash } from '#controllers/shared/template-hash.ts';
import { judgeNode, nodeOf } from './plan-nodes.ts';

/** Tells pods of the template as it is now from older ones. */
export const HASH_LABEL = 'controller-revision-hash';

export interface DaemonPlan {
  /** Names of nodes that are to get a pod. */
  create: string[];
  remove: Pod[];
}

/** A node with the set's pods on it, the oldest first. */
export interface Place {
  name: string;
  runs: boolean;
  stays: boolean;
  pods: Pod[];
}

export function hashOf({ spec, status }: DaemonSet): string {
  return safeHash(spec.template, status?.collisionCount);
}

/** Pods of nodes that are gone are left to the pod collector. */
export function placesOf(set: DaemonSet, nodes: readonly Node[], pods: readonly Pod[]): Place[] {
  const byNode = Map.groupBy(pods, nodeOf);
  const made = ({ metadata }: Pod): string => `${metadata?.creationTimestamp} ${metadata?.name}`;
  return nodes.map((node) => {
    const name = node.metadata?.name ?? '';
    const here = (byNode.get(name) ?? []).toSorted((a, b) => (made(a) < made(b) ? -1 : 1));
    return { name, ...judgeNode(set, node), pods: here };
  });
}

export function planPods(set: DaemonSet, places: readonly Place[], nowMs: number): DaemonPlan {
  const plan: DaemonPlan = { create: [], remove: [] };
  for (const { name, runs, stays, pods } of places) {
    const active = pods.filter((pod) => !isTerminating(pod));
    if (!stays) plan.remove.push(...active);
    else {
      const [, ...doubles] = active.filter((pod) => !isFinished(pod));
      plan.remove.push(...active.filter(isFinished), ...doubles);
    }
    if (runs && pods.length === 0) plan.create.push(name);
  }
  if (plan.create.length + plan.remove.length === 0 && set.spec.updateStrategy?.type !== 'OnDelete')
    plan.remove.push(...outdated(set, places, nowMs));
  return plan;
}

/** Old pods that may go now: those that do not serve anyway, and others as far as enough are left. */
function outdated(set: DaemonSet, places: readonly Place[], nowMs: number): Pod[] {
  const hash = hashOf(set);
  const wanted = places.filter(({ runs }) => runs);
  const { maxUnavailable = 1, maxSurge = 0 } = set.spec.updateStrategy?.rollingUpdate ?? {};
  const most = Math.max(
    resolveIntOrPercent(maxUnavailable, wanted.length, 'up'),
    resolveIntOrPercent(maxSurge, wanted.length, 'up'),
  );
  const unavailable = wanted.filter(({ pods }) => !pods.some((pod) => isAvailable(set, pod, nowMs)));
  const old = wanted
    .flatMap(({ pods }) => pods)
    .filter((pod) => !isTerminating(pod) && pod.metadata?.labels?.[HASH_LABEL] !== hash);
  const [serving = [], idle = []] = [true, false].map((state) =>
    old.filter((pod) => isAvailable(set, pod, nowMs) === state),
  );
  return [...idle, ...serving.slice(0, Math.max(0, most - unavailable.length))];
}

export function isAvailable(set: DaemonSet, pod: Pod, nowMs: number): boolean {
  const leftMs = msUntilAvailable(pod, set.spec.minReadySeconds ?? 0, nowMs);
  return !isTerminating(pod) && isReady(pod) && leftMs === 0;
}
