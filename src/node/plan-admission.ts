/** Pods that are bound to this node and yet not for it. As kubelet decides it. Pure. */
import type { Pod } from '#api/core/v1.gen.ts';

/** The label by which nodes and pods tell their system. */
const OS_LABEL = 'kubernetes.io/os';
const OWN_OS = 'linux';

/** Why the pod fails before anything of it is made; undefined for one that may run. */
export function planRefusal({ metadata, spec }: Pod): { reason: string; message: string } | undefined {
  const labelled = metadata?.labels?.[OS_LABEL];
  if (labelled !== undefined && labelled !== OWN_OS) {
    return {
      reason: 'PodOSSelectorNodeLabelDoesNotMatch',
      message: "Failed to admit pod as the `kubernetes.io/os` label doesn't match node label",
    };
  }
  if (spec?.os !== undefined && spec.os.name !== OWN_OS) {
    return {
      reason: 'PodOSNotSupported',
      message: "Failed to admit pod as the OS field doesn't match node OS",
    };
  }
  return undefined;
}
