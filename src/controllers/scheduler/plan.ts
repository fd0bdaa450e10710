/** Picks a node for one pod. Pure. */
import type { Node, Pod } from '#api/core/v1.gen.ts';
import { hasPodAffinity, judgeAffinity, type Neighbourhood, preferredAffinity } from './plan-affinity.ts';
import { areFree, type HeldPorts, hostPortsOf } from './plan-host-ports.ts';
import { matchesNodeLabels, preferredWeight, untoleratedTaint } from './plan-requirements.ts';
import { type Amounts, lackingResource, requestsOf } from './plan-resources.ts';
import { refusedBySpread } from './plan-spread.ts';

export interface NodeUse {
  node: Node;
  podCount: number;
  used: Amounts;
  /** Pods of each group on this node; see `groupOf()`. */
  groups: ReadonlyMap<string, number>;
  hostPorts: HeldPorts;
}

export interface Cluster extends Neighbourhood {
  uses: ReadonlyMap<string, NodeUse>;
  /** Whether any placed pod has a required anti-affinity, which then concerns every other pod. */
  anyAntiAffinity: boolean;
}

export type Placement = { kind: 'node'; node: string } | { kind: 'unschedulable'; message: string };

/** Pods of one group are spread over nodes and zones: those of one controller. */
export function groupOf(pod: Pod): string {
  const controller = pod.metadata?.ownerReferences?.find((owner) => owner.controller === true);
  return controller?.uid ?? pod.metadata?.uid ?? '';
}

const ZONE = 'topology.kubernetes.io/zone';

/** Ties are broken by the node's name, so that the same cluster gives the same answer. */
export function placePod(pod: Pod, cluster: Cluster): Placement {
  const reasons = new Map<string, number>();
  const wanted = requestsOf(pod);
  const affinity =
    hasPodAffinity(pod) || cluster.anyAntiAffinity ? judgeAffinity(pod, cluster).refused : undefined;
  const spread = pod.spec?.topologySpreadConstraints?.length ? refusedBySpread(pod, cluster) : undefined;
  const fitting: NodeUse[] = [];
  for (const [name, use] of cluster.uses) {
    const reason =
      nodeReason(pod, use, wanted) ??
      affinity?.get(name) ??
      (spread?.has(name) ? "didn't match pod topology spread constraints" : undefined);
    if (reason === undefined) fitting.push(use);
    else reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
  }
  const best = bestOf(pod, fitting, cluster);
  if (best !== undefined) return { kind: 'node', node: best };
  return { kind: 'unschedulable', message: messageOf(cluster.uses.size, reasons) };
}

/** Why this node alone is out. Texts as upstream's, which people know how to read. */
function nodeReason(
  pod: Pod,
  { node, used, podCount, hostPorts }: NodeUse,
  wanted: Amounts,
): string | undefined {
  if (node.metadata?.deletionTimestamp !== undefined) return 'node(s) were being deleted';
  const taint = untoleratedTaint(pod, node);
  if (taint?.key === 'node.kubernetes.io/unschedulable') return 'node(s) were unschedulable';
  if (taint !== undefined) return `node(s) had untolerated taint {${taint.key}: ${taint.value ?? ''}}`;
  if (!matchesNodeLabels(pod, node)) return "node(s) didn't match Pod's node affinity/selector";
  if (!areFree(hostPortsOf(pod), hostPorts))
    return "node(s) didn't have free ports for the requested pod ports";
  return lackingResource(wanted, node, used, podCount);
}

function messageOf(nodes: number, reasons: ReadonlyMap<string, number>): string {
  if (nodes === 0) return 'no nodes available to schedule pods';
  const parts = [...reasons].map(([reason, count]) => {
    const named =
      reason.startsWith('node(s)') || /^(Insufficient|Too many)/.test(reason) ? reason : `node(s) ${reason}`;
    return `${count} ${named}`;
  });
  return `0/${nodes} nodes are available: ${parts.sort().join(', ')}.`;
}

/** First what the pod prefers, then the fewest of its group in the zone and on the node, then the emptiest node. */
function bestOf(pod: Pod, fitting: readonly NodeUse[], cluster: Cluster): string | undefined {
  const group = groupOf(pod);
  const preferred = hasPodAffinity(pod) ? preferredAffinity(pod, cluster) : undefined;
  const zones = new Map<string, number>();
  for (const { node, groups } of cluster.uses.values()) {
    const zone = node.metadata?.labels?.[ZONE] ?? '';
    zones.set(zone, (zones.get(zone) ?? 0) + (groups.get(group) ?? 0));
  }
  const scored = fitting.map((use) => {
    const { name = '', labels } = use.node.metadata ?? {};
    const wish = preferredWeight(pod, use.node) + (preferred?.get(name) ?? 0);
    const inZone = zones.get(labels?.[ZONE] ?? '') ?? 0;
    return { name, rank: [-wish, inZone, use.groups.get(group) ?? 0, use.podCount] };
  });
  scored.sort((a, b) => compare(a.rank, b.rank) || (a.name < b.name ? -1 : 1));
  return scored[0]?.name;
}

function compare(a: readonly number[], b: readonly number[]): number {
  for (const [index, left] of a.entries()) {
    const difference = left - (b[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
