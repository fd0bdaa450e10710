/** What a pod is to a Service: one endpoint and its ports. Pure. */
import type { Container, Node, Pod, Service, ServicePort } from '#api/core/v1.gen.ts';
import type { Endpoint, EndpointHints, EndpointPort } from '#api/discovery/v1.gen.ts';
import { isFinished, isReady, isTerminating } from '#controllers/shared/pods.ts';
import { ipFamily } from '#lib/ip.ts';

export type AddressType = 'IPv4' | 'IPv6';

const ZONE = 'topology.kubernetes.io/zone';

export function addressTypeOf(address: string): AddressType {
  return ipFamily(address) === 4 ? 'IPv4' : 'IPv6';
}

/** The families that the Service has slices for. */
export function addressTypesOf(service: Service): AddressType[] {
  const families = service.spec?.ipFamilies ?? [];
  if (families.length > 0) return families.filter((family) => family === 'IPv4' || family === 'IPv6');
  const { clusterIP } = service.spec ?? {};
  return clusterIP && clusterIP !== 'None' ? [addressTypeOf(clusterIP)] : ['IPv4', 'IPv6'];
}

export function podIps(pod: Pod): string[] {
  const ips = (pod.status?.podIPs ?? []).map(({ ip }) => ip);
  if (ips.length > 0) return ips;
  return pod.status?.podIP ? [pod.status.podIP] : [];
}

/** Pods without an address, and finished ones, are no endpoints; terminating ones are if asked for. */
export function isEndpoint(pod: Pod, includeTerminating: boolean): boolean {
  if (isFinished(pod) || podIps(pod).length === 0) return false;
  return includeTerminating || !isTerminating(pod);
}

/** A headless Service gives its pods names: those with a hostname and the Service as subdomain. */
export function hostnameFor(pod: Pod, service: Service): string | undefined {
  const { hostname, subdomain } = pod.spec ?? {};
  const named =
    hostname &&
    subdomain === service.metadata?.name &&
    pod.metadata?.namespace === service.metadata?.namespace;
  return named ? hostname : undefined;
}

/** The pod as an endpoint of one family; undefined when it has no address of that family. */
export function endpointOf(
  pod: Pod,
  node: Node | undefined,
  service: Service,
  family: AddressType,
): Endpoint | undefined {
  const addresses = podIps(pod).filter((address) => addressTypeOf(address) === family);
  if (addresses.length === 0) return undefined;
  const serving = isReady(pod);
  const terminating = isTerminating(pod);
  const ready = service.spec?.publishNotReadyAddresses === true || (serving && !terminating);
  const { namespace, name, uid } = pod.metadata ?? {};
  const nodeName = pod.spec?.nodeName;
  const zone = node?.metadata?.labels?.[ZONE];
  const hostname = hostnameFor(pod, service);
  const hints = ready ? hintsFor(service, zone, nodeName) : undefined;
  return {
    addresses,
    conditions: { ready, serving, terminating },
    targetRef: { kind: 'Pod', namespace, name, uid },
    ...(hostname && { hostname }),
    ...(nodeName && { nodeName }),
    ...(zone && { zone }),
    ...(hints && { hints }),
  };
}

/** trafficDistribution: traffic stays in the endpoint's own zone, or on its own node. */
function hintsFor(
  service: Service,
  zone: string | undefined,
  node: string | undefined,
): EndpointHints | undefined {
  const wish = service.spec?.trafficDistribution;
  if (wish !== 'PreferClose' && wish !== 'PreferSameZone' && wish !== 'PreferSameNode') return undefined;
  const forNodes = wish === 'PreferSameNode' && node ? [{ name: node }] : undefined;
  const forZones = zone ? [{ name: zone }] : undefined;
  if (forNodes === undefined && forZones === undefined) return undefined;
  return { ...(forZones && { forZones }), ...(forNodes && { forNodes }) };
}

/** The ports of the Service as this pod has them; a named port that it lacks is left out. */
export function portsFor(pod: Pod, service: Service): EndpointPort[] {
  const ports: EndpointPort[] = [];
  for (const servicePort of service.spec?.ports ?? []) {
    const port = targetPortOf(pod, servicePort);
    if (port === undefined) continue;
    const { name = '', protocol = 'TCP', appProtocol } = servicePort;
    ports.push({ name, port, protocol, ...(appProtocol === undefined ? {} : { appProtocol }) });
  }
  return ports;
}

/** Names are looked up in the containers and in sidecars. */
function targetPortOf(pod: Pod, { targetPort, port, protocol = 'TCP' }: ServicePort): number | undefined {
  if (typeof targetPort === 'number') return targetPort === 0 ? port : targetPort;
  if (targetPort === undefined || targetPort === '') return port;
  const sidecars = (pod.spec?.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === 'Always');
  const containers: Container[] = [...(pod.spec?.containers ?? []), ...sidecars];
  for (const { ports = [] } of containers) {
    const found = ports.find((own) => own.name === targetPort && (own.protocol ?? 'TCP') === protocol);
    if (found !== undefined) return found.containerPort;
  }
  return undefined;
}

/** Whether a pod's change can change any endpoint. */
export function endpointChanged(pod: Pod, old: Pod): boolean {
  return endpointFacts(pod) !== endpointFacts(old);
}

function endpointFacts(pod: Pod): string {
  const { labels, deletionTimestamp, uid } = pod.metadata ?? {};
  const { hostname, subdomain, nodeName } = pod.spec ?? {};
  const facts = [podIps(pod), isReady(pod), isFinished(pod), deletionTimestamp !== undefined];
  return JSON.stringify([...facts, labels, uid, hostname, subdomain, nodeName]);
}
