/** Which pods nobody else will ever remove. Pure. */
import type { Pod } from '#api/core/v1.gen.ts';
import { isFinished, isTerminating } from '#controllers/shared/pods.ts';

export interface Collectable {
  pod: Pod;
  /** `orphaned`: its node is gone. `unscheduled`: deleted before it had one. `excess`: too many finished ones. */
  why: 'orphaned' | 'unscheduled' | 'excess';
}

/** `nodeGoneForMs` tells how long a node has been missing; undefined: it is there. */
export function planCollect(
  pods: readonly Pod[],
  nodeGoneForMs: (name: string) => number | undefined,
  limits: { terminatedPodThreshold: number; orphanedPodGraceMs: number },
): Collectable[] {
  const collectable: Collectable[] = [];
  const finished: Pod[] = [];
  for (const pod of pods) {
    const node = pod.spec?.nodeName;
    const goneMs = node ? nodeGoneForMs(node) : undefined;
    if (goneMs !== undefined && goneMs >= limits.orphanedPodGraceMs)
      collectable.push({ pod, why: 'orphaned' });
    else if (!node && isTerminating(pod)) collectable.push({ pod, why: 'unscheduled' });
    else if (isFinished(pod) && !isTerminating(pod)) finished.push(pod);
  }
  const excess = finished.length - limits.terminatedPodThreshold;
  if (excess > 0) {
    finished.sort((a, b) => (created(a) < created(b) ? -1 : 1));
    for (const pod of finished.slice(0, excess)) collectable.push({ pod, why: 'excess' });
  }
  return collectable;
}

function created(pod: Pod): string {
  return `${pod.metadata?.creationTimestamp} ${pod.metadata?.namespace}/${pod.metadata?.name}`;
}
