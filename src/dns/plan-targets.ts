import { type IpFamily, ipFamily, parseIp } from '#lib/ip.ts';
import { type DnsName, parseName } from '#wire/dns.ts';
import type { ClusterView, PortEntry, ServiceEntry, SliceEntry } from './cluster-view.ts';
import type { PodMode } from './kubernetes-config.ts';
import type { NameRequest } from './plan-request.ts';

/** One place that a name leads to, from which A, AAAA, CNAME and SRV records are made. */
export interface Target {
  /** Labels below the zone of the name that an SRV record points to. */
  readonly owner: DnsName;
  readonly host: TargetHost;
  /** Undefined where there are no ports. */
  readonly port: number | undefined;
}

export type TargetHost =
  | { readonly kind: 'address'; readonly family: IpFamily; readonly address: string }
  | { readonly kind: 'name'; readonly name: DnsName };

export interface TargetOptions {
  readonly pods: PodMode;
  readonly ignoreEmpty: boolean;
  /** The server's own addresses, canonical, by which it finds the Service that it is reached by. */
  readonly ownAddresses: readonly string[];
  /** Where that Service is, if not among those of the zone. */
  readonly servers?: ClusterView | undefined;
}

/** Undefined: no such name. An empty list: the name exists without records. */
export function planTargets(
  request: NameRequest,
  view: ClusterView,
  options: TargetOptions,
): Target[] | undefined {
  switch (request.kind) {
    case 'fixed':
      return [];
    case 'namespace':
      if (request.of === 'pod' && options.pods === 'disabled') return undefined;
      return view.hasNamespace(request.namespace) ? [] : undefined;
    case 'pod':
      return planPod(request, view, options.pods);
    case 'service':
      return planService(request, view, options);
    case 'name-server':
      return planNameServers(options.servers ?? view, options.ownAddresses);
    case 'dns-version':
    default:
      return undefined;
  }
}

function planPod(
  { namespace, pod }: { namespace: string; pod: string },
  view: ClusterView,
  pods: PodMode,
): Target[] | undefined {
  if (pods === 'disabled' || !view.hasNamespace(namespace)) return undefined;
  const ipv4 = pod.split('-').length === 4 && !pod.includes('--');
  const text = pod.replaceAll('-', ipv4 ? '.' : ':');
  const address = parseIp(text);
  if (address === undefined) return undefined;
  const owner = [pod, namespace, 'pod'];
  // It is a Service of port 0, as CoreDNS has it.
  if (pods === 'insecure') return [addressTarget(owner, address, 0)];
  // The name has the address exactly as the pod's status has it.
  const there = [...view.podsByIp(address)].some(
    (entry) => entry.namespace === namespace && entry.addresses.includes(text),
  );
  return there ? [addressTarget(owner, address, 0)] : undefined;
}

function planService(
  request: NameRequest & { kind: 'service' },
  view: ClusterView,
  { ignoreEmpty }: TargetOptions,
): Target[] | undefined {
  if (!view.hasNamespace(request.namespace)) return undefined;
  const service = view.service(request.namespace, request.service);
  if (service === undefined) return undefined;
  if (request.inZone !== undefined) return planZonal(service, request, view);
  if (ignoreEmpty && service.kind === 'cluster-ip' && isEmpty(service, view)) return undefined;
  const targets = targetsOf(service, request, view);
  return targets.length === 0 && !isWaiting(service, request) ? undefined : targets;
}

/** A ServiceImport is there before it has an address. */
function isWaiting(
  { kind, clusterIps, ports }: ServiceEntry,
  request: NameRequest & { kind: 'service' },
): boolean {
  return (
    kind === 'cluster-ip' &&
    clusterIps.length === 0 &&
    request.endpoint === undefined &&
    portsOf({ ports }).some((port) => portMatches(port, request))
  );
}

function isEmpty({ namespace, name }: ServiceEntry, view: ClusterView): boolean {
  return [...view.slices(namespace, name)].every(({ addresses }) => addresses.length === 0);
}

/** Only headless Services have names by zone. They exist for every zone, with and without endpoints. */
function planZonal(
  service: ServiceEntry,
  request: NameRequest & { kind: 'service' },
  view: ClusterView,
): Target[] | undefined {
  if (service.kind !== 'headless') return undefined;
  const { zone, mode } = request.inZone ?? { zone: '', mode: 'pin' };
  const inZone = endpointTargets(service, request, view, zone);
  return inZone.length > 0 || mode === 'pin' ? inZone : endpointTargets(service, request, view);
}

function targetsOf(
  service: ServiceEntry,
  request: NameRequest & { kind: 'service' },
  view: ClusterView,
): Target[] {
  const owner = [service.name, service.namespace, 'svc'];
  if (service.kind === 'external-name') {
    const bare = request.endpoint === undefined && !request.port && !request.protocol;
    const name =
      bare && parseIp(service.externalName) === undefined ? parseName(service.externalName) : undefined;
    return name === undefined || name.length === 0 ? [] : [{ owner, host: { kind: 'name', name }, port: 0 }];
  }
  if (service.kind === 'headless' || request.endpoint !== undefined)
    return endpointTargets(service, request, view);
  return portsOf(service)
    .filter((port) => portMatches(port, request))
    .flatMap((port) => service.clusterIps.map((address) => addressTarget(owner, address, port?.port)));
}

/** One per ready address and port of the Service's slices. */
export function endpointTargets(
  service: ServiceEntry,
  request: NameRequest & { kind: 'service' },
  view: ClusterView,
  onlyZone?: string,
): Target[] {
  const targets: Target[] = [];
  for (const slice of view.slices(service.namespace, service.name)) {
    if (!isAskedSlice(slice, request)) continue;
    const ports = portsOf(slice);
    for (const { address, hostname, zone } of slice.addresses) {
      if (request.endpoint !== undefined && request.endpoint !== hostname) continue;
      if (onlyZone !== undefined && zone !== onlyZone) continue;
      const owner = [...endpointLabels(hostname, slice), service.name, service.namespace, 'svc'];
      for (const port of ports) {
        if (portMatches(port, request)) targets.push(addressTarget(owner, address, port?.port));
      }
    }
  }
  return targets;
}

export function addressTarget(owner: DnsName, address: string, port: number | undefined): Target {
  return { owner, host: { kind: 'address', family: ipFamily(address), address }, port };
}

/** What has no ports has addresses all the same. */
export function portsOf({
  ports,
}: {
  readonly ports: readonly PortEntry[];
}): readonly (PortEntry | undefined)[] {
  return ports.length === 0 ? [undefined] : ports;
}

export function portMatches(
  port: PortEntry | undefined,
  request: NameRequest & { kind: 'service' },
): boolean {
  const { port: name = '', protocol = '' } = request;
  return (name === '' || name === port?.name) && (protocol === '' || protocol === port?.protocol);
}

/** An endpoint of an imported Service can only be named together with its cluster. */
function isAskedSlice({ cluster }: SliceEntry, request: NameRequest & { kind: 'service' }): boolean {
  return request.endpoint === undefined || request.cluster === cluster?.toLowerCase();
}

function endpointLabels(hostname: string, { cluster }: SliceEntry): string[] {
  // Named after its pod, an endpoint may have more than one label.
  const labels = hostname.split('.');
  return cluster === undefined ? labels : [...labels, cluster];
}

/**
 * The Services with one of the server's own addresses as an endpoint; `ns.dns.ZONE` has their addresses. Outside of
 * every Service, the server is `ns.dns.ZONE` itself.
 */
export function planNameServers(view: ClusterView, ownAddresses: readonly string[]): Target[] {
  const slices = ownAddresses.flatMap((own) => [...view.slicesByIp(own)]);
  if (slices.length === 0)
    return ownAddresses.map((address) => addressTarget(['ns', 'dns'], address, undefined));
  const targets: Target[] = [];
  const seen = new Set<string>();
  for (const { namespace, service: name } of slices) {
    const service = view.service(namespace, name);
    if (service === undefined || seen.has(`${namespace}/${name}`)) continue;
    seen.add(`${namespace}/${name}`);
    const owner = [name, namespace, 'svc'];
    if (service.kind === 'cluster-ip')
      targets.push(...service.clusterIps.map((address) => addressTarget(owner, address, undefined)));
    else if (service.kind === 'headless') targets.push(...allEndpoints(service, view));
  }
  return targets;
}

function allEndpoints({ name, namespace }: ServiceEntry, view: ClusterView): Target[] {
  return [...view.slices(namespace, name)].flatMap((slice) =>
    slice.addresses.map(({ address, hostname }) =>
      addressTarget([...hostname.split('.'), name, namespace, 'svc'], address, undefined),
    ),
  );
}
