import type { Service, ServicePort } from '#api/core/v1.gen.ts';
import type { EndpointSlice } from '#api/discovery/v1.gen.ts';
import { Cidr, type Ip, type IpFamily, ipFamily, parseIp } from '#lib/ip.ts';
import type {
  Destination,
  EndpointAddress,
  Match,
  Protocol,
  ServicePlan,
  VirtualServer,
} from './forwarding-model.ts';
import {
  clusterEndpoints,
  type EndpointState,
  endpointsForPort,
  localEndpoints,
  type NodeTopology,
} from './plan-endpoints.ts';

/** Labels by which a Service or slice says that another proxy serves it. */
const PROXY_NAME_LABEL = 'service.kubernetes.io/service-proxy-name';
const HEADLESS_LABEL = 'service.kubernetes.io/headless';
const DEFAULT_AFFINITY_SECONDS = 10_800;
const PROTOCOLS: Readonly<Record<string, Protocol>> = { TCP: 'tcp', UDP: 'udp', SCTP: 'sctp' };

/** What a Service with these slices means on this node; undefined when it is not ours to serve. */
export function planService(
  service: Service,
  slices: readonly EndpointSlice[],
  topology: NodeTopology,
): ServicePlan | undefined {
  const { metadata = {}, spec = {} } = service;
  const clusterIps = parseIps(spec.clusterIPs ?? [spec.clusterIP ?? '']);
  if (spec.type === 'ExternalName' || clusterIps.length === 0) return undefined;
  if (!isForUs(service)) return undefined;

  const families = [...new Set(clusterIps.map(ipFamily))];
  const ports = (spec.ports ?? []).flatMap((port) =>
    families.map((family) => planPort(service, port, family, clusterIps, slices.filter(isForUs), topology)),
  );
  const local = ports.flatMap(({ endpoints }) => endpoints.filter((endpoint) => endpoint.isLocal));
  return {
    namespace: metadata.namespace ?? '',
    name: metadata.name ?? '',
    virtualServers: ports.flatMap(({ virtualServers }) => virtualServers),
    clusterIps,
    localEndpoints: [...new Set(local.map(({ address }) => address))],
    healthCheck: planHealthCheck(service, local),
  };
}

/** Services and slices alike may carry a label that keeps proxies, or this one, away. */
function isForUs({ metadata = {} }: Service | EndpointSlice): boolean {
  const labels = metadata.labels ?? {};
  return labels[PROXY_NAME_LABEL] === undefined && labels[HEADLESS_LABEL] === undefined;
}

/** All ways in to one port over one family. */
function planPort(
  service: Service,
  port: ServicePort,
  family: IpFamily,
  clusterIps: readonly Ip[],
  slices: readonly EndpointSlice[],
  topology: NodeTopology,
): { virtualServers: VirtualServer[]; endpoints: EndpointState[] } {
  const { spec = {} } = service;
  const protocolName = port.protocol ?? 'TCP';
  const protocol = PROTOCOLS[protocolName] ?? 'tcp';
  const portName = port.name ?? '';
  const endpoints = endpointsForPort(slices, { portName, protocol: protocolName, family }, topology);
  const serving = endpoints
    .filter((endpoint) => endpoint.ready || endpoint.servingTerminating)
    .map(addressOf);
  const common = { portName, serving, affinitySeconds: affinityOf(service) };
  const open = { ...common, sourceRanges: undefined };
  const at = (address: Ip): Match => ({ kind: 'address', family, address, protocol, port: port.port });
  const ofFamily = (addresses: readonly Ip[]): Ip[] =>
    addresses.filter((address) => ipFamily(address) === family);

  const inside = destination(endpoints, spec.internalTrafficPolicy === 'Local', 'off-cluster', topology);
  const virtualServers: VirtualServer[] = ofFamily(clusterIps).map((address) => {
    return { ...open, match: at(address), destination: inside, internal: undefined };
  });
  const outside = externalDestinations(service, endpoints, topology);
  for (const address of ofFamily(parseIps(spec.externalIPs ?? []))) {
    virtualServers.push({ ...open, match: at(address), ...outside });
  }
  const ranges = sourceRangesOf(service, family);
  for (const address of ofFamily(loadBalancerIps(service))) {
    virtualServers.push({ ...common, sourceRanges: ranges, match: at(address), ...outside });
  }
  if (port.nodePort !== undefined && port.nodePort !== 0) {
    const match: Match = { kind: 'node-port', family, protocol, port: port.nodePort };
    virtualServers.push({ ...open, match, ...outside });
  }
  return { virtualServers, endpoints };
}

/**
 * With the policy Local only connections from outside are kept to this node's endpoints, with their source
 * address. Pods and the node would be load-balanced by any other node, so they get all endpoints at once.
 */
function externalDestinations(
  { spec = {} }: Service,
  endpoints: readonly EndpointState[],
  topology: NodeTopology,
): Pick<VirtualServer, 'destination' | 'internal'> {
  if (spec.externalTrafficPolicy !== 'Local') {
    return { destination: destination(endpoints, false, 'always', topology), internal: undefined };
  }
  return {
    destination: destination(endpoints, true, 'never', topology),
    internal: destination(endpoints, false, 'from-node', topology),
  };
}

/** Refused when there are no endpoints anywhere; silent when another node has some, for a balancer to retry there. */
function destination(
  endpoints: readonly EndpointState[],
  local: boolean,
  masquerade: Destination['masquerade'],
  topology: NodeTopology,
): Destination {
  const cluster = clusterEndpoints(endpoints, topology);
  const chosen = local ? localEndpoints(endpoints) : cluster;
  return {
    endpoints: chosen.map(addressOf),
    masquerade,
    otherwise: local && cluster.length > 0 ? 'drop' : 'reject',
    list: local ? 'local' : 'cluster',
  };
}

function addressOf({ address, port }: EndpointState): EndpointAddress {
  return { address, port };
}

function affinityOf({ spec = {} }: Service): number | undefined {
  if (spec.sessionAffinity !== 'ClientIP') return undefined;
  return spec.sessionAffinityConfig?.clientIP?.timeoutSeconds ?? DEFAULT_AFFINITY_SECONDS;
}

/** Addresses of mode Proxy are the load balancer's own affair. A status counts whatever the type says. */
function loadBalancerIps({ status = {} }: Service): Ip[] {
  const ingress = (status.loadBalancer?.ingress ?? []).filter(
    ({ ipMode }) => ipMode === undefined || ipMode === 'VIP',
  );
  return parseIps(ingress.map(({ ip }) => ip ?? ''));
}

/** Undefined where everybody may connect, as over a family that has no range at all. */
function sourceRangesOf({ spec = {} }: Service, family: IpFamily): string[] | undefined {
  const ranges = (spec.loadBalancerSourceRanges ?? [])
    .flatMap((text) => Cidr.parse(text.trim()) ?? [])
    .filter((range) => range.family === family);
  if (ranges.length === 0 || ranges.some((range) => range.prefixLength === 0)) return undefined;
  return ranges.map((range) => range.format());
}

function planHealthCheck(
  { spec = {} }: Service,
  local: readonly EndpointState[],
): ServicePlan['healthCheck'] {
  if (spec.externalTrafficPolicy !== 'Local' || !spec.healthCheckNodePort) return undefined;
  // A dual-stack endpoint is one endpoint.
  const ready = ([4, 6] as const).map((family) => {
    const ofFamily = local.filter((endpoint) => endpoint.ready && ipFamily(endpoint.address) === family);
    return new Set(ofFamily.map(({ address }) => address)).size;
  });
  return { port: spec.healthCheckNodePort, localReadyEndpoints: Math.max(...ready) };
}

function parseIps(texts: readonly string[]): Ip[] {
  return texts.flatMap((text) => parseIp(text) ?? []);
}
