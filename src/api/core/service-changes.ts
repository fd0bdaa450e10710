// What happens to a Service's fields when it is updated by someone who did not say everything: old clients know only
// `clusterIP`, manifests leave out what was allocated, a change of type leaves fields behind that mean nothing now.
import type { Service } from '#api/core/v1.gen.ts';
import { equalJson } from '#api/machinery/equal.ts';
import {
  isExternallyAccessible,
  mayHaveNodePort,
  needsClusterIp,
  needsHealthCheckNodePort,
  needsNodePort,
  nodePortsOf,
  sameClusterIps,
  sameFamilies,
  specOf,
} from './service-facts.ts';

/** Makes clusterIP and clusterIPs agree where only one of them was given. `old` is undefined on create. */
export function normalizeClusterIps(service: Service, old?: Service): void {
  const spec = specOf(service);
  const single = spec.clusterIP ?? '';
  const given = spec.clusterIPs ?? [];
  if (old === undefined) {
    if (single !== '' && given.length === 0) spec.clusterIPs = [single];
    return;
  }
  const oldSingle = old.spec?.clusterIP ?? '';
  const oldAll = old.spec?.clusterIPs ?? [];
  if (oldAll.length > 0 && given.length === 0) {
    if (single === oldSingle) spec.clusterIPs = [...oldAll];
    else if (single !== '') spec.clusterIPs = [single];
  } else if (single !== oldSingle && equalJson(given, oldAll)) {
    if (single === '') delete spec.clusterIPs;
    else spec.clusterIPs = [single];
  }
}

/** Puts allocated values back that an update leaves out: addresses, node ports (by port name), health check port. */
export function keepAllocatedValues(service: Service, old: Service): void {
  const spec = specOf(service);
  if (needsClusterIp(old) && needsClusterIp(service)) {
    if (!spec.clusterIP && old.spec?.clusterIP) spec.clusterIP = old.spec.clusterIP;
    if (
      (spec.clusterIPs ?? []).length === 0 &&
      spec.clusterIP === old.spec?.clusterIP &&
      old.spec?.clusterIPs
    ) {
      spec.clusterIPs = [...old.spec.clusterIPs];
    }
  }
  if (needsNodePort(old) && needsNodePort(service)) keepNodePorts(service, old);
  if (needsHealthCheckNodePort(old) && needsHealthCheckNodePort(service) && old.spec?.healthCheckNodePort) {
    spec.healthCheckNodePort ??= old.spec.healthCheckNodePort;
  }
}

function keepNodePorts(service: Service, old: Service): void {
  const used = nodePortsOf(old).intersection(nodePortsOf(service));
  const byName = new Map((old.spec?.ports ?? []).map(({ name, nodePort }) => [name ?? '', nodePort ?? 0]));
  for (const port of service.spec?.ports ?? []) {
    const known = byName.get(port.name ?? '') ?? 0;
    if (port.nodePort || known === 0 || used.has(known)) continue;
    port.nodePort = known;
    used.add(known);
  }
}

/** Drops fields that the new type does not have, unless the user changed them (then validation speaks). */
export function dropTypeDependentFields(service: Service, old: Service): void {
  const spec = specOf(service);
  const before = old.spec ?? {};
  if (needsClusterIp(old) && !needsClusterIp(service)) dropClusterIps(service, old);
  if (
    mayHaveNodePort(old) &&
    !mayHaveNodePort(service) &&
    equalSets(nodePortsOf(old), nodePortsOf(service))
  ) {
    for (const port of spec.ports ?? []) delete port.nodePort;
  }
  if (needsHealthCheckNodePort(old) && !needsHealthCheckNodePort(service)) {
    if (spec.healthCheckNodePort === before.healthCheckNodePort) delete spec.healthCheckNodePort;
  }
  if (isExternallyAccessible(old) && !isExternallyAccessible(service)) {
    if (spec.externalTrafficPolicy === before.externalTrafficPolicy) delete spec.externalTrafficPolicy;
  }
  if (before.type === 'LoadBalancer' && spec.type !== 'LoadBalancer') {
    if (spec.allocateLoadBalancerNodePorts === before.allocateLoadBalancerNodePorts) {
      delete spec.allocateLoadBalancerNodePorts;
    }
    if (spec.loadBalancerClass === before.loadBalancerClass) delete spec.loadBalancerClass;
    service.status = { ...service.status, loadBalancer: {} };
  }
}

function dropClusterIps(service: Service, old: Service): void {
  const spec = specOf(service);
  if (sameClusterIps(service, old)) {
    delete spec.clusterIP;
    delete spec.clusterIPs;
  }
  if (sameFamilies(service, old)) delete spec.ipFamilies;
  if ((spec.ipFamilyPolicy ?? '') === (old.spec?.ipFamilyPolicy ?? '')) delete spec.ipFamilyPolicy;
}

function equalSets(a: Set<number>, b: Set<number>): boolean {
  return a.size === b.size && a.isSubsetOf(b);
}
