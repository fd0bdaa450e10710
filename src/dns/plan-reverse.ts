import { bytesToIp, parseIp } from '#lib/ip.ts';
import type { DnsName } from '#wire/dns.ts';
import type { ClusterView } from './cluster-view.ts';

const IPV4_LABELS = 4;
const IPV6_LABELS = 32;

/**
 * The names that the address of a reverse name belongs to: of the Service that has it as its ClusterIP,
 * else of the endpoints that have it. Undefined when the name holds no whole address.
 */
export function planReverse(name: DnsName, view: ClusterView, zone: DnsName): DnsName[] | undefined {
  const address = reverseAddress(name);
  if (address === undefined) return undefined;
  const names = new Map<string, DnsName>();
  const add = (labels: DnsName): void => void names.set(labels.join('.'), [...labels, ...zone]);
  for (const { name: service, namespace } of view.servicesByIp(address)) add([service, namespace, 'svc']);
  if (names.size > 0) return [...names.values()];
  for (const slice of view.slicesByIp(address)) {
    for (const entry of slice.addresses) {
      if (parseIp(entry.address) === address)
        add([...entry.hostname.split('.'), slice.service, slice.namespace, 'svc']);
    }
  }
  return [...names.values()];
}

/** The address of `4.3.2.1.in-addr.arpa` or of 32 nibbles below `ip6.arpa`. */
export function reverseAddress(name: DnsName): string | undefined {
  const labels = name.map((label) => label.toLowerCase());
  const [tree, arpa] = labels.splice(-2);
  if (arpa !== 'arpa') return undefined;
  labels.reverse();
  if (tree === 'in-addr') return labels.length === IPV4_LABELS ? parseIp(labels.join('.')) : undefined;
  if (tree !== 'ip6' || labels.length !== IPV6_LABELS || !labels.every((label) => /^[0-9a-f]$/.test(label))) {
    return undefined;
  }
  return bytesToIp(Buffer.from(labels.join(''), 'hex'));
}
