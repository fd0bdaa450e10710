import { parseIp } from '#lib/ip.ts';
import { type DnsName, parseName } from '#wire/dns.ts';
import { questionLabels } from '#wire/dns-query.ts';
import type { ClusterView } from './cluster-view.ts';
import type { DnsRequest } from './handler.ts';
import type { KubernetesHandler } from './kubernetes-handler.ts';

/**
 * The search path that the asking pod has by cluster defaults, ending with the name alone. Pods of the host's
 * network share an address: theirs is the one whose namespace is in the name. Undefined for names outside
 * the cluster's zones and clients that are no pods.
 */
export function searchPathFor(
  { query, client }: DnsRequest,
  handler: Pick<KubernetesHandler, 'zoneOf'>,
  view: ClusterView,
  hostSearch: readonly string[],
): readonly DnsName[] | undefined {
  const zone = handler.zoneOf(query);
  const address = parseIp(client.address);
  if (zone === undefined || address === undefined) return undefined;
  const namespaces = new Set(Array.from(view.podsByIp(address), (pod) => pod.namespace));
  const [first] = namespaces;
  if (first === undefined) return undefined;
  const asked =
    questionLabels(query)
      .at(-2 - zone.labels.length)
      ?.toLowerCase() ?? '';
  const namespace = namespaces.has(asked) ? asked : first;
  const others = hostSearch.map((domain) => parseName(domain) ?? []).filter((labels) => labels.length > 0);
  return [[namespace, 'svc', ...zone.labels], ['svc', ...zone.labels], zone.labels, ...others, []];
}
