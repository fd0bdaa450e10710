/** On which nodes a DaemonSet has a pod, and how that pod is bound there. Pure. */
import type { DaemonSet } from '#api/apps/v1.gen.ts';
import type { Node, Pod, PodSpec, Toleration } from '#api/core/v1.gen.ts';
import { matchesNodeLabels, untoleratedTaint } from '#controllers/scheduler/plan-requirements.ts';

/** Of a node: whether a pod is to be there, and whether one that is there may go on. */
export interface NodeVerdict {
  runs: boolean;
  stays: boolean;
}

/** What a daemon's pod bears that others do not: it belongs to the node, whatever becomes of that. */
const TOLERATIONS: readonly Toleration[] = [
  { key: 'node.kubernetes.io/not-ready', operator: 'Exists', effect: 'NoExecute' },
  { key: 'node.kubernetes.io/unreachable', operator: 'Exists', effect: 'NoExecute' },
  { key: 'node.kubernetes.io/disk-pressure', operator: 'Exists', effect: 'NoSchedule' },
  { key: 'node.kubernetes.io/memory-pressure', operator: 'Exists', effect: 'NoSchedule' },
  { key: 'node.kubernetes.io/pid-pressure', operator: 'Exists', effect: 'NoSchedule' },
  { key: 'node.kubernetes.io/unschedulable', operator: 'Exists', effect: 'NoSchedule' },
];
const OF_HOST_NETWORK: Toleration = {
  key: 'node.kubernetes.io/network-unavailable',
  operator: 'Exists',
  effect: 'NoSchedule',
};

export function judgeNode({ spec }: DaemonSet, node: Node): NodeVerdict {
  const pod: Pod = { spec: tolerant(spec.template.spec ?? { containers: [] }) };
  const { nodeName } = pod.spec ?? {};
  const fits = (!nodeName || nodeName === node.metadata?.name) && matchesNodeLabels(pod, node);
  if (!fits) return { runs: false, stays: false };
  const evicting = (node.spec?.taints ?? []).filter(({ effect }) => effect === 'NoExecute');
  return {
    runs: untoleratedTaint(pod, node) === undefined,
    stays: untoleratedTaint(pod, { ...node, spec: { taints: evicting } }) === undefined,
  };
}

/** The template's spec for one node: the scheduler finds it by name, so that it still looks for room there. */
export function specFor(spec: PodSpec, node: string): PodSpec {
  const only = [{ key: 'metadata.name', operator: 'In', values: [node] }];
  const { nodeAffinity, ...affinity } = spec.affinity ?? {};
  const terms = nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [{}];
  const nodeSelectorTerms = terms.map((term) => ({
    ...term,
    matchFields: [...(term.matchFields ?? []).filter(({ key }) => key !== 'metadata.name'), ...only],
  }));
  const required = { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms } };
  return { ...tolerant(spec), affinity: { ...affinity, nodeAffinity: { ...nodeAffinity, ...required } } };
}

/** The node a pod is on or was made for. */
export function nodeOf({ spec }: Pod): string | undefined {
  if (spec?.nodeName) return spec.nodeName;
  const required = spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  const fields = required?.nodeSelectorTerms.flatMap(({ matchFields }) => matchFields ?? []) ?? [];
  return fields.find(({ key }) => key === 'metadata.name')?.values?.[0];
}

function tolerant(spec: PodSpec): PodSpec {
  const own = spec.hostNetwork === true ? [...TOLERATIONS, OF_HOST_NETWORK] : TOLERATIONS;
  return { ...spec, tolerations: [...(spec.tolerations ?? []), ...own] };
}
