import type { Pod, Service } from '#api/core/v1.gen.ts';
import type { Endpoint, EndpointSlice } from '#api/discovery/v1.gen.ts';
import type { KubeObject } from '#api/machinery/object.ts';
import { parseIp, unmapIp } from '#lib/ip.ts';
import type { AddressEntry, PodEntry, PortEntry, ServiceEntry, SliceEntry } from './cluster-view.ts';

/** The labels that name an EndpointSlice's Service, or ServiceImport and the cluster that exports it. */
const SERVICE_NAME_LABEL = 'kubernetes.io/service-name';
const IMPORT_NAME_LABEL = 'multicluster.kubernetes.io/service-name';
const SOURCE_CLUSTER_LABEL = 'multicluster.kubernetes.io/source-cluster';
const MAX_LABEL = 63;
/** Most Services have none: they share one list. */
const NO_EXTERNALS: readonly string[] = [];

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
    externals: planExternals(service),
  };
}

/** Of the user first, then of the load balancer. */
function planExternals({ spec, status }: Service): readonly string[] {
  const ingress = status?.loadBalancer?.ingress ?? [];
  const externals = [
    ...(spec?.externalIPs ?? []),
    ...ingress.map(({ ip, hostname }) => ip || hostname || ''),
  ];
  return externals.length === 0 ? NO_EXTERNALS : externals.filter((external) => external !== '');
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

/** The part of a ServiceImport (multicluster.x-k8s.io/v1alpha1) that names are made of. */
export interface ServiceImport extends KubeObject {
  readonly spec?: {
    readonly type?: string | undefined;
    readonly ips?: readonly string[] | undefined;
    readonly ports?: NonNullable<Service['spec']>['ports'];
  };
}

export function planImportEntry({ metadata = {}, spec = {} }: ServiceImport): ServiceEntry {
  return {
    namespace: metadata.namespace ?? '',
    name: metadata.name ?? '',
    kind: spec.type === 'Headless' ? 'headless' : 'cluster-ip',
    clusterIps: spec.type === 'Headless' ? [] : (spec.ips ?? []),
    ports: (spec.ports ?? []).map(planPort),
    externalName: '',
    externals: NO_EXTERNALS,
  };
}

export interface SliceOptions {
  /** Endpoints without host name are named after their pod. */
  readonly podNames?: boolean | undefined;
  /** Slices of ServiceImports, in place of those of Services. */
  readonly imported?: boolean | undefined;
}

/** Undefined for a slice that belongs to no Service or holds no IP addresses. */
export function planSliceEntry(slice: EndpointSlice, options: SliceOptions = {}): SliceEntry | undefined {
  const labels = slice.metadata?.labels ?? {};
  const service = labels[options.imported === true ? IMPORT_NAME_LABEL : SERVICE_NAME_LABEL];
  if (service === undefined || slice.addressType === 'FQDN') return undefined;
  return {
    namespace: slice.metadata?.namespace ?? '',
    name: slice.metadata?.name ?? '',
    service,
    cluster: options.imported === true ? labels[SOURCE_CLUSTER_LABEL] : undefined,
    ports: (slice.ports ?? []).map(planPort),
    addresses: (slice.endpoints ?? [])
      .filter((endpoint) => endpoint.conditions?.ready ?? true)
      .flatMap((endpoint) => planAddresses(endpoint, options)),
  };
}

function planAddresses(endpoint: Endpoint, { podNames = false }: SliceOptions): AddressEntry[] {
  const podName = podNames ? (endpoint.targetRef?.name ?? '') : '';
  const own = endpoint.hostname || (podName.length <= MAX_LABEL ? podName : '');
  const zone = endpoint.zone?.toLowerCase();
  return endpoint.addresses.map((written) => {
    const address = isMapped(written) ? unmapIp(written) : written;
    return { address, hostname: (own || dashed(address)).toLowerCase(), zone };
  });
}

/** `::ffff:10.1.2.3`: an IPv4 address, whatever its slice says; no client could use it as another. */
function isMapped(address: string): boolean {
  return /^[0:]*:ffff:/i.test(address) && parseIp(address) !== undefined;
}

/** Undefined for a pod without address, or on its way out. */
export function planPodEntry({ metadata = {}, status = {} }: Pod): PodEntry | undefined {
  if (!status.podIP || metadata.deletionTimestamp !== undefined) return undefined;
  const addresses = new Set([status.podIP, ...(status.podIPs ?? []).map(({ ip }) => ip)]);
  const { hostIP, hostIPs = [] } = status;
  const nodeAddresses = hostIPs.length > 0 ? hostIPs.map(({ ip }) => ip) : hostIP ? [hostIP] : [];
  return {
    namespace: metadata.namespace ?? '',
    name: metadata.name ?? '',
    addresses: [...addresses],
    nodeAddresses,
  };
}

/** `10-1-2-3`, `fd00--1`; a label must not end in a dash, so `fd00::` is `fd00--0`. */
function dashed(address: string): string {
  const label = address.replaceAll(/[.:]/g, '-');
  return label.endsWith('-') ? `${label}0` : label;
}
