import type { Service } from '#api/core/v1.gen.ts';
import { isExternallyAccessible, needsClusterIp, specOf } from './service-facts.ts';

/** How long a client sticks to its endpoint when nobody says how long. */
const DEFAULT_AFFINITY_SECONDS = 10800;

/** Fills in what a Service leaves out. */
export function defaultService(service: Service): void {
  const spec = specOf(service);
  spec.type ??= 'ClusterIP';
  defaultAffinity(spec);
  for (const port of spec.ports ?? []) {
    port.protocol ??= 'TCP';
    if (port.targetPort === undefined || port.targetPort === 0 || port.targetPort === '')
      port.targetPort = port.port;
  }
  if (isExternallyAccessible(service)) spec.externalTrafficPolicy ??= 'Cluster';
  if (needsClusterIp(service)) spec.internalTrafficPolicy ??= 'Cluster';
  if (spec.type === 'LoadBalancer') {
    spec.allocateLoadBalancerNodePorts ??= true;
    for (const ingress of service.status?.loadBalancer?.ingress ?? []) {
      if (ingress.ip) ingress.ipMode ??= 'VIP';
    }
  }
}

function defaultAffinity(spec: NonNullable<Service['spec']>): void {
  spec.sessionAffinity ??= 'None';
  if (spec.sessionAffinity === 'None') delete spec.sessionAffinityConfig;
  if (spec.sessionAffinity !== 'ClientIP') return;
  if (typeof spec.sessionAffinityConfig?.clientIP?.timeoutSeconds === 'number') return;
  spec.sessionAffinityConfig = { clientIP: { timeoutSeconds: DEFAULT_AFFINITY_SECONDS } };
}
