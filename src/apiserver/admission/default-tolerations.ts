import type { Toleration } from '#api/core/v1.gen.ts';
import { type AdmissionPlugin, writtenPod } from './operation.ts';

const TOLERATION_SECONDS = 300;
const TAINTS = ['node.kubernetes.io/not-ready', 'node.kubernetes.io/unreachable'];

/** Pods stay on a node that is lost for five minutes, unless they say otherwise. */
export const defaultTolerations: AdmissionPlugin = (operation) => {
  const pod = writtenPod(operation)?.pod;
  if (pod?.spec === undefined) return;
  const present = pod.spec.tolerations ?? [];
  const missing = TAINTS.filter((key) => !present.some((toleration) => covers(toleration, key)));
  if (missing.length === 0) return;
  const added = missing.map(
    (key): Toleration => ({
      effect: 'NoExecute',
      key,
      operator: 'Exists',
      tolerationSeconds: TOLERATION_SECONDS,
    }),
  );
  pod.spec.tolerations = [...present, ...added];
};

function covers({ key, effect }: Toleration, taint: string): boolean {
  return (key === taint || !key) && (effect === 'NoExecute' || !effect);
}
