import type { Pod, Service, ServiceStatus } from '#api/core/v1.gen.ts';
import type { Endpoint, EndpointSlice } from '#api/discovery/v1.gen.ts';
import type { ObjectMeta } from '#api/meta/v1.gen.ts';

/** When the change came about that a slice was written for: the start of the programming latency. */
const TRIGGER_TIME = 'endpoints.kubernetes.io/last-change-trigger-time';

/**
 * A Service without what names are not made of: there may be very many, and they are kept. What it has outside
 * the cluster stays only if `externals` are wanted.
 */
export function trimService({ metadata, spec = {}, status }: Service, externals = false): Service {
  const { type, clusterIP, clusterIPs, externalName, ports = [] } = spec;
  const kept = ports.map(({ name, port, protocol }) => ({ name, port, protocol }));
  return {
    metadata: trimMetadata(metadata),
    spec: {
      type,
      clusterIP,
      clusterIPs,
      externalName,
      ports: kept,
      ...(externals && spec.externalIPs !== undefined && { externalIPs: spec.externalIPs }),
    },
    ...(externals && status?.loadBalancer?.ingress !== undefined && { status: trimStatus(status) }),
  };
}

function trimStatus({ loadBalancer }: ServiceStatus): ServiceStatus {
  const ingress = loadBalancer?.ingress?.map(({ ip, hostname }) => ({ ip, hostname }));
  return { loadBalancer: { ingress } };
}

export function trimSlice({ metadata, addressType, endpoints, ports }: EndpointSlice): EndpointSlice {
  return {
    metadata: trimMetadata(metadata),
    addressType,
    ports,
    endpoints: (endpoints ?? []).map(trimEndpoint),
  };
}

export function trimPod({ metadata, status = {} }: Pod): Pod {
  const { podIP, podIPs, hostIP, hostIPs } = status;
  return { metadata: trimMetadata(metadata), status: { podIP, podIPs, hostIP, hostIPs } };
}

function trimEndpoint({ addresses, conditions, hostname, targetRef, zone }: Endpoint): Endpoint {
  return {
    addresses,
    // Those that are ready are so many that they share one object.
    conditions: (conditions?.ready ?? true) ? READY : NOT_READY,
    hostname,
    zone,
    ...(targetRef?.name !== undefined && { targetRef: { name: targetRef.name } }),
  };
}

const READY = { ready: true };
const NOT_READY = { ready: false };

function trimMetadata(metadata: ObjectMeta = {}): ObjectMeta {
  const { name, namespace, uid, resourceVersion, labels, creationTimestamp, deletionTimestamp, annotations } =
    metadata;
  const triggered = annotations?.[TRIGGER_TIME];
  return {
    name,
    namespace,
    uid,
    resourceVersion,
    labels,
    creationTimestamp,
    deletionTimestamp,
    ...(triggered !== undefined && { annotations: { [TRIGGER_TIME]: triggered } }),
  };
}
