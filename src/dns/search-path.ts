import { parseIp } from '#lib/ip.ts';
import { type DnsName, parseName } from '#wire/dns.ts';
import { questionLabels } from '#wire/dns-query.ts';
import type { ClusterIndex } from './cluster-index.ts';
import type { DnsRequest } from './handler.ts';
import type { KubernetesHandler } from './kubernetes-handler.ts';

/**
 * The search path that the asking pod has by cluster defaults, ending with the name alone. It begins with the pod's
 * namespace, and so does what is asked first: where several pods have the client's address, theirs is the one whose
 * namespace is in the name. Those are pods of the host's network, a pod that is ending and the next one with its
 * address, and, where the address is a node's, all pods of that node: its DNS cache asks for them. Undefined for
 * names outside of the cluster's zones and clients that are no pods.
 */
export function searchPathFor(
  { query, client }: DnsRequest,
  handler: Pick<KubernetesHandler, 'zoneOf'>,
  view: Pick<ClusterIndex, 'podsByIp' | 'namespacesOnNode'>,
  hostSearch: readonly string[],
): readonly DnsName[] | undefined {
  const zone = handler.zoneOf(query);
  const address = parseIp(client.address);
  if (zone === undefined || address === undefined) return undefined;
  const namespaces = new Set(view.namespacesOnNode(address));
  for (const pod of view.podsByIp(address)) namespaces.add(pod.namespace);
  const asked = questionLabels(query)
    .at(-2 - zone.labels.length)
    ?.toLowerCase();
  if (asked === undefined || !namespaces.has(asked)) return undefined;
  const others = hostSearch.map((domain) => parseName(domain) ?? []).filter((labels) => labels.length > 0);
  return [[asked, 'svc', ...zone.labels], ['svc', ...zone.labels], zone.labels, ...others, []];
}
