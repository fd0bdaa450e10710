import { type IpFamily, ipFamily, parseIp } from '#lib/ip.ts';
import { type DnsName, parseName } from '#wire/dns.ts';
import type { ClusterView, PortEntry, ServiceEntry } from './cluster-view.ts';
import type { PodMode } from './config.ts';
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

/** Undefined: no such name. An empty list: the name exists without records. */
export function planTargets(request: NameRequest, view: ClusterView, pods: PodMode): Target[] | undefined {
  switch (request.kind) {
    case 'fixed':
      return [];
    case 'namespace':
      if (request.of === 'pod' && pods === 'disabled') return undefined;
      return view.hasNamespace(request.namespace) ? [] : undefined;
    case 'pod':
      return view.hasNamespace(request.namespace) ? planPod(request, pods) : undefined;
    case 'service':
      return planService(request, view);
    case 'name-server':
      return planNameServer(view);
    case 'dns-version':
    default:
      return undefined;
  }
}

function planPod(request: { namespace: string; pod: string }, pods: PodMode): Target[] | undefined {
  if (pods === 'disabled') return undefined;
  const { namespace, pod } = request;
  const ipv4 = pod.split('-').length === 4 && !pod.includes('--');
  const address = parseIp(pod.replaceAll('-', ipv4 ? '.' : ':'));
  return address === undefined ? undefined : [addressTarget([pod, namespace, 'pod'], address, undefined)];
}

function planService(request: NameRequest & { kind: 'service' }, view: ClusterView): Target[] | undefined {
  if (!view.hasNamespace(request.namespace)) return undefined;
  const service = view.service(request.namespace, request.service);
  if (service === undefined) return undefined;
  const targets = targetsOf(service, request, view);
  return targets.length === 0 ? undefined : targets;
}

function targetsOf(
  service: ServiceEntry,
  request: NameRequest & { kind: 'service' },
  view: ClusterView,
): Target[] {
  const owner = [service.name, service.namespace, 'svc'];
  if (service.kind === 'external-name') {
    const bare = request.endpoint === undefined && request.port === undefined;
    const name =
      bare && parseIp(service.externalName) === undefined ? parseName(service.externalName) : undefined;
    return name === undefined || name.length === 0 ? [] : [{ owner, host: { kind: 'name', name }, port: 0 }];
  }
  if (service.kind === 'headless' || request.endpoint !== undefined)
    return endpointTargets(service, request, view);
  return service.ports
    .filter((port) => portMatches(port, request))
    .flatMap((port) => service.clusterIps.map((address) => addressTarget(owner, address, port.port)));
}

function endpointTargets(
  service: ServiceEntry,
  request: NameRequest & { kind: 'service' },
  view: ClusterView,
): Target[] {
  const targets: Target[] = [];
  for (const slice of view.slices(service.namespace, service.name)) {
    const ports: readonly (PortEntry | undefined)[] = slice.ports.length === 0 ? [undefined] : slice.ports;
    for (const { address, hostname } of slice.addresses) {
      if (request.endpoint !== undefined && request.endpoint !== hostname) continue;
      const owner = [hostname, service.name, service.namespace, 'svc'];
      for (const port of ports) {
        if (port === undefined ? request.port === undefined : portMatches(port, request)) {
          targets.push(addressTarget(owner, address, port?.port));
        }
      }
    }
  }
  return targets;
}

function addressTarget(owner: DnsName, address: string, port: number | undefined): Target {
  return { owner, host: { kind: 'address', family: ipFamily(address), address }, port };
}

function portMatches(port: PortEntry, request: NameRequest & { kind: 'service' }): boolean {
  const { port: name = '', protocol = '' } = request;
  return (name === '' || name === port.name) && (protocol === '' || protocol === port.protocol);
}

/** The Services that DNS servers are commonly reached by; `ns.dns.ZONE` has their addresses. */
const DNS_SERVICE = { namespace: 'kube-system', name: 'kube-dns' };

function planNameServer(view: ClusterView): Target[] {
  const service = view.service(DNS_SERVICE.namespace, DNS_SERVICE.name);
  const owner = [DNS_SERVICE.name, DNS_SERVICE.namespace, 'svc'];
  return (service?.clusterIps ?? []).map((address) => addressTarget(owner, address, undefined));
}
