/** Questions about pods that several controllers ask. Pure. */
import type { Pod, PodCondition, PodTemplateSpec } from '#api/core/v1.gen.ts';
import type { OwnerReference } from '#api/meta/v1.gen.ts';
import type { Informer } from '#kube/informer.ts';
import { controllerOf } from './owners.ts';

export function podCondition(pod: Pod, type: string): PodCondition | undefined {
  return pod.status?.conditions?.find((condition) => condition.type === type);
}

export function isReady(pod: Pod): boolean {
  return podCondition(pod, 'Ready')?.status === 'True';
}

/** Succeeded or Failed: nothing of it runs any more. */
export function isFinished(pod: Pod): boolean {
  return pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
}

export function isTerminating(pod: Pod): boolean {
  return pod.metadata?.deletionTimestamp !== undefined;
}

/** Neither finished nor being deleted. */
export function isActive(pod: Pod): boolean {
  return !isFinished(pod) && !isTerminating(pod);
}

/** How long until a pod that is ready now counts as available; 0 when it does, undefined when it is not ready. */
export function msUntilAvailable(pod: Pod, minReadySeconds: number, nowMs: number): number | undefined {
  const ready = podCondition(pod, 'Ready');
  if (ready?.status !== 'True') return undefined;
  if (minReadySeconds === 0) return 0;
  const sinceMs = Date.parse(ready.lastTransitionTime ?? '');
  if (Number.isNaN(sinceMs)) return undefined;
  return Math.max(0, sinceMs + minReadySeconds * 1000 - nowMs);
}

/** A pod as the template says, owned by `controller`. */
export function podFromTemplate(
  template: PodTemplateSpec,
  namespace: string,
  controller: OwnerReference,
  name: { generateName: string } | { name: string },
): Pod {
  const { labels, annotations, finalizers } = template.metadata ?? {};
  return {
    metadata: {
      ...name,
      namespace,
      ...(labels && { labels: { ...labels } }),
      ...(annotations && { annotations: { ...annotations } }),
      ...(finalizers && { finalizers: [...finalizers] }),
      ownerReferences: [controller],
    },
    ...(template.spec && { spec: template.spec }),
  };
}

/** Looking up pods by controller uid, free pods by namespace, by node, and by `namespace/label=value`. */
export const POD_INDEXES = {
  controller: (pod: Pod): string[] => {
    const controller = controllerOf(pod);
    return controller === undefined ? [] : [controller.uid];
  },
  free: (pod: Pod): string[] => (controllerOf(pod) === undefined ? [pod.metadata?.namespace ?? ''] : []),
  node: (pod: Pod): string[] => (pod.spec?.nodeName ? [pod.spec.nodeName] : []),
  label: (pod: Pod): string[] => labelBuckets(pod.metadata?.namespace ?? '', pod.metadata?.labels),
};

export function labelBuckets(namespace: string, labels: Record<string, string> | undefined): string[] {
  return Object.entries(labels ?? {}).map(([key, value]) => `${namespace}/${key}=${value}`);
}

/** Declares the look-ups above. */
export function indexPods(pods: Informer<Pod>): void {
  for (const [name, of] of Object.entries(POD_INDEXES)) pods.addIndex(name, of);
}
