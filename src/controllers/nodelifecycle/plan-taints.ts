/** Which taints a node's conditions ask for, and when they drive pods away. Pure. */
import type { Node, NodeCondition, Pod, Taint } from '#api/core/v1.gen.ts';

const NOT_READY = 'node.kubernetes.io/not-ready';
const UNREACHABLE = 'node.kubernetes.io/unreachable';
const UNSCHEDULABLE = 'node.kubernetes.io/unschedulable';
const PRESSURE: Record<string, string> = {
  MemoryPressure: 'node.kubernetes.io/memory-pressure',
  DiskPressure: 'node.kubernetes.io/disk-pressure',
  PIDPressure: 'node.kubernetes.io/pid-pressure',
  NetworkUnavailable: 'node.kubernetes.io/network-unavailable',
};
const OURS = new Set([NOT_READY, UNREACHABLE, UNSCHEDULABLE, ...Object.values(PRESSURE)]);

export function readyCondition(node: Node): NodeCondition | undefined {
  return node.status?.conditions?.find((condition) => condition.type === 'Ready');
}

/** The node's taints as they are to be; undefined when they are so. Times of taints that stay are kept. */
export function planTaints(node: Node, now: string): Taint[] | undefined {
  const current = node.spec?.taints ?? [];
  const wanted = wantedTaints(node).map((taint) => {
    const known = current.find((other) => other.key === taint.key && other.effect === taint.effect);
    return known ?? { ...taint, timeAdded: now };
  });
  const foreign = current.filter((taint) => !OURS.has(taint.key));
  const planned = [...foreign, ...wanted];
  const same = planned.length === current.length && planned.every((taint) => current.includes(taint));
  return same ? undefined : planned;
}

function wantedTaints(node: Node): Taint[] {
  const taints: Taint[] = [];
  const ready = readyCondition(node)?.status;
  const key = ready === 'True' ? undefined : ready === 'False' ? NOT_READY : UNREACHABLE;
  // A node that has never said anything is not ready rather than unreachable.
  const said = ready === undefined ? NOT_READY : key;
  if (said !== undefined)
    taints.push({ key: said, effect: 'NoSchedule' }, { key: said, effect: 'NoExecute' });
  for (const { type, status } of node.status?.conditions ?? []) {
    const pressure = PRESSURE[type];
    if (pressure !== undefined && status === 'True') taints.push({ key: pressure, effect: 'NoSchedule' });
  }
  if (node.spec?.unschedulable === true) taints.push({ key: UNSCHEDULABLE, effect: 'NoSchedule' });
  return taints;
}

/** When the node's NoExecute taints end the pod, in ms since 1970: undefined never, 0 at once. */
export function evictionTimeMs(pod: Pod, taints: readonly Taint[], nowMs: number): number | undefined {
  let earliest: number | undefined;
  for (const taint of taints) {
    if (taint.effect !== 'NoExecute') continue;
    const tolerations = (pod.spec?.tolerations ?? []).filter(
      (toleration) =>
        (!toleration.effect || toleration.effect === 'NoExecute') &&
        (!toleration.key || toleration.key === taint.key) &&
        (toleration.operator === 'Exists' ||
          (Boolean(toleration.key) && (toleration.value ?? '') === (taint.value ?? ''))),
    );
    if (tolerations.length === 0) return 0;
    const limits = tolerations
      .map((toleration) => toleration.tolerationSeconds)
      .filter((seconds) => seconds !== undefined);
    if (limits.length === 0) continue;
    const sinceMs = Date.parse(taint.timeAdded ?? '') || nowMs;
    const endMs = sinceMs + Math.max(0, Math.min(...limits)) * 1000;
    earliest = earliest === undefined ? endMs : Math.min(earliest, endMs);
  }
  return earliest;
}

const SILENT_CONDITIONS = ['Ready', 'MemoryPressure', 'DiskPressure', 'PIDPressure'];

/** The conditions of a node that is not heard any more: all Unknown. Undefined when they are so. */
export function silentConditions(node: Node, now: string): NodeCondition[] | undefined {
  const current = node.status?.conditions ?? [];
  if (readyCondition(node)?.status === 'Unknown') return undefined;
  const others = current.filter(({ type }) => !SILENT_CONDITIONS.includes(type));
  const unknown = SILENT_CONDITIONS.map((type): NodeCondition => {
    const known = current.find((condition) => condition.type === type);
    const never = known === undefined;
    return {
      type,
      status: 'Unknown',
      reason: never ? 'NodeStatusNeverUpdated' : 'NodeStatusUnknown',
      message: never ? 'Kubelet never posted node status.' : 'Kubelet stopped posting node status.',
      lastHeartbeatTime: known?.lastHeartbeatTime ?? node.metadata?.creationTimestamp,
      lastTransitionTime: known?.status === 'Unknown' ? known.lastTransitionTime : now,
    };
  });
  return [...others, ...unknown];
}
