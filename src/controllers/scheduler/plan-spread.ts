/** topologySpreadConstraints: how unevenly a group of pods may be spread. Pure. */
import type { Node, Pod, TopologySpreadConstraint } from '#api/core/v1.gen.ts';
import { selects } from '#api/machinery/label-selector.ts';
import type { Neighbourhood } from './plan-affinity.ts';
import { matchesNodeLabels } from './plan-requirements.ts';

/** The nodes that the constraints with DoNotSchedule leave out. */
export function refusedBySpread(pod: Pod, around: Neighbourhood): Set<string> {
  const refused = new Set<string>();
  const constraints = pod.spec?.topologySpreadConstraints ?? [];
  for (const constraint of constraints) {
    if (constraint.whenUnsatisfiable !== 'DoNotSchedule') continue;
    const counts = countDomains(pod, constraint, around);
    const fewest = Math.min(...counts.values());
    const self = selects(constraint.labelSelector, pod.metadata?.labels) ? 1 : 0;
    const minimum = counts.size < (constraint.minDomains ?? 1) ? 0 : fewest;
    for (const [name, node] of around.nodes) {
      const count = counts.get(node.metadata?.labels?.[constraint.topologyKey] ?? '');
      if (count === undefined || count + self - minimum > constraint.maxSkew) refused.add(name);
    }
  }
  return refused;
}

/** Pods of the group per domain; domains are those of nodes that the pod may run on. */
function countDomains(
  pod: Pod,
  constraint: TopologySpreadConstraint,
  around: Neighbourhood,
): Map<string, number> {
  const counts = new Map<string, number>();
  const domainOf = (node: Node | undefined): string | undefined =>
    node?.metadata?.labels?.[constraint.topologyKey];
  for (const node of around.nodes.values()) {
    const domain = domainOf(node);
    if (domain !== undefined && matchesNodeLabels(pod, node)) counts.set(domain, 0);
  }
  for (const other of around.placed) {
    if (other.pod.metadata?.namespace !== pod.metadata?.namespace) continue;
    if (other.pod.metadata?.deletionTimestamp !== undefined) continue;
    const domain = domainOf(around.nodes.get(other.node));
    const count = domain === undefined ? undefined : counts.get(domain);
    if (domain === undefined || count === undefined) continue;
    if (selects(constraint.labelSelector, other.pod.metadata?.labels)) counts.set(domain, count + 1);
  }
  return counts;
}
