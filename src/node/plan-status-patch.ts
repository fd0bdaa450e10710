import type { Pod, PodStatus } from '#api/core/v1.gen.ts';
import { equalJson } from '#api/machinery/equal.ts';

/**
 * The strategic merge patch that brings a pod's status to `wanted`, or null when nothing the node owns differs.
 * Conditions merge by type, so conditions of others are safe; the uid keeps it from a new pod of the same name.
 */
export function planStatusPatch(pod: Pod, wanted: PodStatus): Record<string, unknown> | null {
  const current = (pod.status ?? {}) as Record<string, unknown>;
  const status: Record<string, unknown> = {};
  for (const [field, value] of Object.entries(wanted)) {
    if (field !== 'conditions' && !equalJson(current[field], value)) status[field] = value;
  }
  for (const field of ['reason', 'message'] as const) {
    if (current[field] !== undefined && wanted[field] === undefined) status[field] = null;
  }
  const conditions = (wanted.conditions ?? []).filter((condition) => {
    const before = pod.status?.conditions?.find(({ type }) => type === condition.type);
    return !equalJson(before, condition);
  });
  if (conditions.length > 0) {
    status['conditions'] = conditions.map((condition) => ({
      ...condition,
      // A reason of before must not stay.
      reason: condition.reason ?? null,
      message: condition.message ?? null,
    }));
  }
  for (const list of ['podIPs', 'hostIPs'] as const) {
    // Merged by address otherwise: old addresses would stay.
    if (status[list] !== undefined) status[list] = [...(status[list] as object[]), { $patch: 'replace' }];
  }
  if (Object.keys(status).length === 0) return null;
  return { metadata: { uid: pod.metadata?.uid }, status };
}
