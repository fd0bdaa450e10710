/**
 * What the runtime of a Windows node is told of a pod's names. A Windows container has no resolv.conf: CRI's DNSConfig
 * goes to the runtime, which sets servers and suffixes of the pod's network endpoint. Policy, merging, limits and
 * events are those of Linux (planPodDns). Nothing here talks to a runtime yet. Pure.
 */
import type { Pod } from '#api/core/v1.gen.ts';
import { planHostname } from '#node/plan-hostname.ts';
import { type DnsEvent, type DnsFacts, planPodDns } from '#node/plan-pod-dns.ts';

/** The part of CRI's PodSandboxConfig that is about names. */
export interface WindowsSandbox {
  /** With setHostnameAsFQDN the whole name, which Windows keeps in its registry; '' on the node's network. */
  hostname: string;
  dnsConfig: { servers: string[]; searches: string[]; options: string[] };
}

/**
 * ClusterFirstWithHostNet gives the cluster's servers here too, though Windows does not use them on its own network.
 * Throws HostnameError.
 */
export function planWindowsSandbox(
  pod: Pod,
  facts: DnsFacts,
): { sandbox: WindowsSandbox; events: DnsEvent[] } {
  const { conf, events } = planPodDns(pod, facts);
  const { hostname } = planHostname(pod, facts.clusterDomain, '');
  const { nameservers: servers, searches, options } = conf;
  return { sandbox: { hostname, dnsConfig: { servers, searches, options } }, events };
}
