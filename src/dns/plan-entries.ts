import type { Service } from '#api/core/v1.gen.ts';
import type { Endpoint, EndpointSlice } from '#api/discovery/v1.gen.ts';
import type { AddressEntry, PortEntry, ServiceEntry, SliceEntry } from './cluster-view.ts';

/** The label that names an EndpointSlice's Service. */
const SERVICE_NAME_LABEL = 'kubernetes.io/service-name';

export function planServiceEntry(service: Service): ServiceEntry {
  const { spec = {}, metadata = {} } = service;
  const clusterIps = (spec.clusterIPs ?? [spec.clusterIP ?? '']).filter((ip) => ip !== '' && ip !== 'None');
  const external = spec.type === 'ExternalName';
  return {
    namespace: metadata.namespace ?? '',
    name: metadata.name ?? '',
    kind: external ? 'external-name' : clusterIps.length === 0 ? 'headless' : 'cluster-ip',
    clusterIps: external ? [] : clusterIps,
    ports: (spec.ports ?? []).map(planPort),
    externalName: spec.externalName ?? '',
  };
}

function planPort(port: {
  name?: string | undefined;
  protocol?: string | undefined;
  port?: number | undefined;
}): PortEntry {
  return {
    name: (port.name ?? '').toLowerCase(),
    protocol: (port.protocol ?? 'TCP').toLowerCase(),
    port: port.port ?? 0,
  };
}

/** Undefined for a slice that belongs to no Service or holds no IP addresses. */
export function planSliceEntry(slice: EndpointSlice): SliceEntry | undefined {
  const service = slice.metadata?.labels?.[SERVICE_NAME_LABEL];
  if (service === undefined || slice.addressType === 'FQDN') return undefined;
  return {
    namespace: slice.metadata?.namespace ?? '',
    name: slice.metadata?.name ?? '',
    service,
    ports: (slice.ports ?? []).map(planPort),
    addresses: (slice.endpoints ?? [])
      .filter((endpoint) => endpoint.conditions?.ready ?? true)
      .flatMap(planAddresses),
  };
}

function planAddresses(endpoint: Endpoint): AddressEntry[] {
  return endpoint.addresses.map((address) => {
    const hostname =
      endpoint.hostname === undefined || endpoint.hostname === '' ? dashed(address) : endpoint.hostname;
    return { address, hostname: hostname.toLowerCase() };
  });
}

/** `10-1-2-3`, `fd00--1`; a label must not end in a dash, so `fd00::` is `fd00--0`. */
function dashed(address: string): string {
  const label = address.replaceAll(/[.:]/g, '-');
  return label.endsWith('-') ? `${label}0` : label;
}
