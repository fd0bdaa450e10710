// Which of a Service's fields mean something, by its type. Every rule about Services asks here.
import type { Service } from '#api/core/v1.gen.ts';
import { equalJson } from '#api/machinery/equal.ts';

export const CLUSTER_IP_NONE = 'None';

/** The spec; an empty one where there is none. */
export function specOf(service: Service): NonNullable<Service['spec']> {
  service.spec ??= {};
  return service.spec;
}

export function isHeadless(service: Service): boolean {
  return service.spec?.clusterIPs?.[0] === CLUSTER_IP_NONE || service.spec?.clusterIP === CLUSTER_IP_NONE;
}

/** Whether the type carries cluster IPs at all (ExternalName does not). */
export function needsClusterIp({ spec }: Service): boolean {
  return spec?.type === 'ClusterIP' || spec?.type === 'NodePort' || spec?.type === 'LoadBalancer';
}

export function needsNodePort({ spec }: Service): boolean {
  if (spec?.type === 'NodePort') return true;
  return spec?.type === 'LoadBalancer' && spec.allocateLoadBalancerNodePorts !== false;
}

/** Whether the type can have node ports, allocated for it or asked for. */
export function mayHaveNodePort({ spec }: Service): boolean {
  return spec?.type === 'NodePort' || spec?.type === 'LoadBalancer';
}

/** Whether a node tells a load balancer if it has endpoints. */
export function needsHealthCheckNodePort({ spec }: Service): boolean {
  return spec?.type === 'LoadBalancer' && spec.externalTrafficPolicy === 'Local';
}

/** Whether traffic from outside can reach it, so that externalTrafficPolicy matters. */
export function isExternallyAccessible({ spec }: Service): boolean {
  if (spec?.type === 'LoadBalancer' || spec?.type === 'NodePort') return true;
  return spec?.type === 'ClusterIP' && (spec.externalIPs ?? []).length > 0;
}

export function sameClusterIps(a: Service, b: Service): boolean {
  return (
    (a.spec?.clusterIP ?? '') === (b.spec?.clusterIP ?? '') &&
    equalJson(a.spec?.clusterIPs, b.spec?.clusterIPs)
  );
}

export function sameFamilies(a: Service, b: Service): boolean {
  return equalJson(a.spec?.ipFamilies, b.spec?.ipFamilies);
}

/** The node ports in use, 0 left out. */
export function nodePortsOf({ spec }: Service): Set<number> {
  return new Set((spec?.ports ?? []).map(({ nodePort }) => nodePort ?? 0).filter((port) => port !== 0));
}
