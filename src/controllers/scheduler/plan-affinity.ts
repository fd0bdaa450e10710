/** Where pods want or refuse to be beside other pods. Pure. */
import type { Node, Pod, PodAffinityTerm } from '#api/core/v1.gen.ts';
import { selects } from '#api/machinery/label-selector.ts';

export interface PlacedPod {
  pod: Pod;
  node: string;
}

/** What affinity terms need to know of the cluster. */
export interface Neighbourhood {
  nodes: ReadonlyMap<string, Node>;
  /** Every pod that has a node, those assumed included. */
  placed: Iterable<PlacedPod>;
  namespaceLabels: (namespace: string) => Record<string, string> | undefined;
}

/** Nodes that pod affinity and anti-affinity leave; undefined when no term says anything. */
export interface AffinityVerdict {
  /** Reason for each node that is out. */
  refused: Map<string, string>;
}

const AFFINITY = "didn't match pod affinity rules";
const ANTI_AFFINITY = "didn't match pod anti-affinity rules";
const EXISTING_ANTI_AFFINITY = "didn't satisfy existing pods anti-affinity rules";

/** Whether the pod has terms of its own that need the others to be looked at. */
export function hasPodAffinity(pod: Pod): boolean {
  const { podAffinity, podAntiAffinity } = pod.spec?.affinity ?? {};
  return podAffinity !== undefined || podAntiAffinity !== undefined;
}

export function requiredAntiAffinity(pod: Pod): PodAffinityTerm[] {
  return pod.spec?.affinity?.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? [];
}

function requiredAffinity(pod: Pod): PodAffinityTerm[] {
  return pod.spec?.affinity?.podAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? [];
}

/** Judges all nodes at once. */
export function judgeAffinity(pod: Pod, around: Neighbourhood): AffinityVerdict {
  const refused = new Map<string, string>();
  const placed = [...around.placed];
  for (const term of requiredAffinity(pod)) {
    const domains = domainsOf(pod, term, placed, around);
    // The first pod of a group that wants to be together has nobody to join.
    const alone = domains.size === 0 && selectsPod(pod, term, pod, around);
    for (const [name, node] of around.nodes) {
      const domain = node.metadata?.labels?.[term.topologyKey];
      if (domain === undefined || !(alone || domains.has(domain))) refused.set(name, AFFINITY);
    }
  }
  for (const term of requiredAntiAffinity(pod)) {
    refuseDomains(term.topologyKey, domainsOf(pod, term, placed, around), ANTI_AFFINITY, around, refused);
  }
  for (const other of placed) {
    for (const term of requiredAntiAffinity(other.pod)) {
      if (!selectsPod(other.pod, term, pod, around)) continue;
      const domain = around.nodes.get(other.node)?.metadata?.labels?.[term.topologyKey];
      const domains = new Set(domain === undefined ? [] : [domain]);
      refuseDomains(term.topologyKey, domains, EXISTING_ANTI_AFFINITY, around, refused);
    }
  }
  return { refused };
}

/** Weights for and against each node from preferred terms. */
export function preferredAffinity(pod: Pod, around: Neighbourhood): Map<string, number> {
  const weights = new Map<string, number>();
  const { podAffinity, podAntiAffinity } = pod.spec?.affinity ?? {};
  const terms = [
    ...(podAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []),
    ...(podAntiAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map((term) => ({
      ...term,
      weight: -term.weight,
    })),
  ];
  const placed = terms.length > 0 ? [...around.placed] : [];
  for (const { weight, podAffinityTerm } of terms) {
    const domains = domainsOf(pod, podAffinityTerm, placed, around);
    for (const [name, node] of around.nodes) {
      const domain = node.metadata?.labels?.[podAffinityTerm.topologyKey];
      if (domain !== undefined && domains.has(domain)) weights.set(name, (weights.get(name) ?? 0) + weight);
    }
  }
  return weights;
}

function refuseDomains(
  topologyKey: string,
  domains: ReadonlySet<string>,
  reason: string,
  { nodes }: Neighbourhood,
  refused: Map<string, string>,
): void {
  for (const [name, node] of nodes) {
    const domain = node.metadata?.labels?.[topologyKey];
    if (domain !== undefined && domains.has(domain)) refused.set(name, reason);
  }
}

/** The domains (values of the topology label) in which pods are that the term selects. */
function domainsOf(
  owner: Pod,
  term: PodAffinityTerm,
  placed: readonly PlacedPod[],
  around: Neighbourhood,
): Set<string> {
  const domains = new Set<string>();
  for (const other of placed) {
    const domain = around.nodes.get(other.node)?.metadata?.labels?.[term.topologyKey];
    if (domain !== undefined && !domains.has(domain) && selectsPod(owner, term, other.pod, around))
      domains.add(domain);
  }
  return domains;
}

/** Whether a term of `owner` means `other`, by labels and namespace. */
function selectsPod(owner: Pod, term: PodAffinityTerm, other: Pod, around: Neighbourhood): boolean {
  const namespace = other.metadata?.namespace ?? '';
  const named = term.namespaces ?? [];
  const inNamespace =
    named.includes(namespace) ||
    (term.namespaceSelector !== undefined &&
      selects(term.namespaceSelector, around.namespaceLabels(namespace))) ||
    (named.length === 0 && term.namespaceSelector === undefined && namespace === owner.metadata?.namespace);
  return inNamespace && selects(term.labelSelector, other.metadata?.labels);
}
