import type { Container, Pod, ResourceFieldSelector } from '#api/core/v1.gen.ts';
import { quantityMilliValue, quantityValue } from '#api/machinery/quantity.ts';

/** What fields of a pod cannot tell themselves. */
export interface FieldFacts {
  nodeName: string;
  /** The node's addresses, the primary family first. */
  hostIps: readonly string[];
  /** The pod's addresses; empty before the sandbox exists. */
  podIps: readonly string[];
  /** The node's allocatable cpu and memory as quantities: what a container without a limit may use. */
  allocatable: Readonly<Record<string, string>>;
}

/** The value of a downward API field path, or undefined for a path that does not exist. */
export function fieldValue(pod: Pod, path: string, facts: FieldFacts): string | undefined {
  const meta = pod.metadata ?? {};
  const keyed = /^metadata\.(labels|annotations)\['(.*)'\]$/.exec(path);
  if (keyed) return (keyed[1] === 'labels' ? meta.labels : meta.annotations)?.[keyed[2] ?? ''] ?? '';
  switch (path) {
    case 'metadata.name':
      return meta.name ?? '';
    case 'metadata.namespace':
      return meta.namespace ?? '';
    case 'metadata.uid':
      return meta.uid ?? '';
    case 'metadata.labels':
      return formatMap(meta.labels ?? {});
    case 'metadata.annotations':
      return formatMap(meta.annotations ?? {});
    case 'spec.nodeName':
      return facts.nodeName;
    case 'spec.serviceAccountName':
      return pod.spec?.serviceAccountName ?? '';
    case 'status.hostIP':
      return facts.hostIps[0] ?? '';
    case 'status.hostIPs':
      return facts.hostIps.join(',');
    case 'status.podIP':
      return facts.podIps[0] ?? '';
    case 'status.podIPs':
      return facts.podIps.join(',');
    default:
      return undefined;
  }
}

/** One `key="value"` per line, by key, values escaped as Go's %q does. */
const formatMap = (map: Readonly<Record<string, string>>): string =>
  Object.keys(map)
    .sort()
    .map((key) => `${key}=${JSON.stringify(map[key])}`)
    .join('\n');

/** A container's limit or request divided by the divisor, rounded up; a missing limit is the node's. */
export function resourceFieldValue(
  container: Pick<Container, 'resources'>,
  selector: ResourceFieldSelector,
  facts: FieldFacts,
): string | undefined {
  const match = /^(limits|requests)\.(.+)$/.exec(selector.resource);
  if (!match) return undefined;
  const [, kind, name = ''] = match;
  const { limits = {}, requests = {} } = container.resources ?? {};
  const limit = limits[name] ?? facts.allocatable[name] ?? '0';
  const quantity = kind === 'limits' ? limit : (requests[name] ?? '0');
  const divisor = selector.divisor === undefined || selector.divisor === '0' ? '1' : selector.divisor;
  const amount = name === 'cpu' ? quantityMilliValue : quantityValue;
  return String(Math.ceil(amount(quantity) / Math.max(1, amount(divisor))));
}
