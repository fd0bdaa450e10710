import { ipFamily, parseIp } from '#lib/ip.ts';
import {
  CLASS_IN,
  type DnsData,
  type DnsName,
  type DnsRecord,
  nameKey,
  parseName,
  RecordType,
} from '#wire/dns.ts';
import type { ClusterIndex } from './cluster-index.ts';
import type { PortEntry, ServiceEntry } from './cluster-view.ts';
import type { KubernetesConfig } from './kubernetes-config.ts';
import type { ClusterIndexes } from './kubernetes-handler.ts';
import { type PlanOptions, planSoa } from './plan-answer.ts';
import { planNameServers } from './plan-targets.ts';
import type { ZoneTransfer } from './plugin.ts';

/**
 * All records of one of the cluster's zones, as zone transfers give them; undefined for other zones, and for those of
 * reverse names.
 */
export function planTransfer(
  zoneKey: string,
  { zones, multicluster, namespaces }: KubernetesConfig,
  { cluster, imported }: ClusterIndexes,
  options: PlanOptions,
): ZoneTransfer | undefined {
  const zone = zones.find(({ key }) => key === zoneKey);
  if (zone === undefined || zone.labels.at(-1) === 'arpa') return undefined;
  const index = multicluster.some(({ key }) => key === zoneKey) ? imported : cluster;
  return {
    serial: options.soaSerial,
    *records() {
      yield planSoa(zone.labels, options);
      const servers = serverRecords(zone.labels, cluster, options);
      yield* servers;
      const given = new Set(servers.map(addressKey).filter((key) => key !== ''));
      for (const service of index.services()) {
        if (namespaces.size > 0 && !namespaces.has(service.namespace)) continue;
        if (!index.hasNamespace(service.namespace)) continue;
        const name = [service.name, service.namespace, 'svc', ...zone.labels];
        for (const each of serviceRecords(service, name, index, options.ttl))
          if (!given.has(addressKey(each))) yield each;
      }
    },
  };
}

/** The zone's name servers and their addresses. */
function serverRecords(
  zone: DnsName,
  cluster: ClusterIndex,
  { ttl, ownAddresses }: PlanOptions,
): DnsRecord[] {
  const targets = planNameServers(cluster, ownAddresses);
  const names = new Map(targets.map(({ owner }) => [nameKey(owner), [...owner, ...zone]]));
  const addresses = targets.flatMap(({ owner, host }) =>
    host.kind === 'address' ? [addressRecord([...owner, ...zone], host.address, ttl)] : [],
  );
  return [
    ...Array.from(names.values(), (target) => record(zone, RecordType.NS, ttl, { kind: 'name', target })),
    ...addresses,
  ];
}

/** Empty for records that are no address. */
function addressKey({ name, data }: DnsRecord): string {
  return data.kind === 'address' ? `${nameKey(name)} ${data.address}` : '';
}

function* serviceRecords(
  service: ServiceEntry,
  name: DnsName,
  index: ClusterIndex,
  ttl: number,
): Iterable<DnsRecord> {
  if (service.kind === 'external-name') {
    const target = parseIp(service.externalName) === undefined ? parseName(service.externalName) : undefined;
    if (target !== undefined) yield record(name, RecordType.CNAME, ttl, { kind: 'name', target });
    return;
  }
  if (service.kind === 'cluster-ip') {
    for (const address of service.clusterIps) yield addressRecord(name, address, ttl);
    for (const port of service.ports) {
      yield record(name, RecordType.SRV, ttl, srv(port, name, 100));
      yield* portRecords(name, name, port, 100, ttl);
    }
    return;
  }
  for (const slice of index.slices(service.namespace, service.name)) {
    const cluster = slice.cluster === undefined ? [] : [slice.cluster];
    const weight = Math.floor(100 / Math.max(1, slice.addresses.length));
    for (const { address, hostname } of slice.addresses) {
      const owner = [...hostname.split('.'), ...cluster, ...name];
      yield addressRecord(name, address, ttl);
      yield addressRecord(owner, address, ttl);
      for (const port of slice.ports) yield* portRecords(name, owner, port, weight, ttl);
    }
  }
}

/** SRV at the port's name, where it has one. */
function* portRecords(
  name: DnsName,
  target: DnsName,
  port: PortEntry,
  weight: number,
  ttl: number,
): Iterable<DnsRecord> {
  if (port.name === '') return;
  const owner = [`_${port.name}`, `_${port.protocol}`, ...name];
  yield record(owner, RecordType.SRV, ttl, srv(port, target, weight));
}

function srv({ port }: PortEntry, target: DnsName, weight: number): DnsData {
  return { kind: 'srv', priority: 0, weight, port, target };
}

function addressRecord(name: DnsName, address: string, ttl: number): DnsRecord {
  const type = ipFamily(address) === 4 ? RecordType.A : RecordType.AAAA;
  return record(name, type, ttl, { kind: 'address', address });
}

function record(name: DnsName, type: number, ttl: number, data: DnsData): DnsRecord {
  return { name, type, class: CLASS_IN, ttl, data };
}
