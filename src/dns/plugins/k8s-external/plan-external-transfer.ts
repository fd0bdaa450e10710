import type { ClusterIndex } from '#dns/cluster-index.ts';
import type { PortEntry, ServiceEntry } from '#dns/cluster-view.ts';
import type { Target } from '#dns/plan-targets.ts';
import type { ZoneTransfer } from '#dns/plugin.ts';
import { type DnsName, type DnsRecord, RecordType } from '#wire/dns.ts';
import { planExternalSoa, planServerRecords } from './plan-apex.ts';
import {
  addressRecord,
  type ExternalOptions,
  nameData,
  planServices,
  planTargets,
  record,
} from './plan-external.ts';

/** All records of one of the plugin's zones: what questions for its names are answered with. */
export function planExternalTransfer(
  zone: DnsName,
  index: ClusterIndex,
  options: ExternalOptions,
): ZoneTransfer {
  return {
    serial: options.soaSerial,
    *records() {
      yield planExternalSoa(zone, options);
      yield* planServerRecords(zone, index, options);
      for (const service of index.services()) {
        if (index.hasNamespace(service.namespace)) yield* serviceRecords(service, zone, index, options);
      }
    },
  };
}

function* serviceRecords(
  service: ServiceEntry,
  zone: DnsName,
  index: ClusterIndex,
  options: ExternalOptions,
): Iterable<DnsRecord> {
  const name = [service.name, service.namespace, ...zone];
  const targetsOf = (port?: PortEntry): Target[] =>
    planTargets(
      service,
      { ...requestOf(service), port: port?.name, protocol: port?.protocol },
      index,
      options,
    );
  const targets = targetsOf();
  if (targets.length === 0) return;
  const alias = targets.map(({ host }) => host).find((host) => host.kind === 'name');
  // Where there is a CNAME there may be nothing else (RFC 1034 §3.6.2).
  if (alias !== undefined) yield record(name, RecordType.CNAME, options.clusterTtl, nameData(alias.name));
  else yield* recordsAt(name, zone, targets, options);
  if (service.externals.length === 0) {
    for (const [owner, own] of byOwner(targets)) yield* recordsAt([...owner, ...zone], zone, own, options);
  }
  for (const port of namedPorts(service, index)) {
    yield* services([`_${port.name}`, `_${port.protocol}`, ...name], zone, targetsOf(port), options);
  }
}

/** Addresses and, without a port's name, SRV records. */
function* recordsAt(
  name: DnsName,
  zone: DnsName,
  targets: readonly Target[],
  options: ExternalOptions,
): Iterable<DnsRecord> {
  const seen = new Set<string>();
  for (const { host } of targets) {
    if (host.kind !== 'address' || seen.has(host.address)) continue;
    seen.add(host.address);
    yield addressRecord(name, host, options.ttl);
  }
  yield* services(name, zone, targets, options);
}

function byOwner(targets: readonly Target[]): Iterable<readonly [DnsName, readonly Target[]]> {
  const groups = Map.groupBy(targets, ({ owner }) => owner.join('.'));
  return [...groups.values()].map((group) => [group[0]?.owner ?? [], group] as const);
}

function services(
  name: DnsName,
  zone: DnsName,
  targets: readonly Target[],
  options: ExternalOptions,
): readonly DnsRecord[] {
  const planned = planServices(name, zone, targets, options);
  return typeof planned === 'string' ? [] : planned.answers;
}

function namedPorts(service: ServiceEntry, index: ClusterIndex): PortEntry[] {
  const ports =
    service.externals.length > 0
      ? service.ports
      : [...index.slices(service.namespace, service.name)].flatMap((slice) => slice.ports);
  const byName = new Map(ports.map((port) => [`${port.name} ${port.protocol}`, port]));
  return [...byName.values()].filter(({ name }) => name !== '');
}

function requestOf({ namespace, name }: ServiceEntry): Parameters<typeof planTargets>[1] {
  return {
    kind: 'service',
    namespace,
    service: name,
    endpoint: undefined,
    port: undefined,
    protocol: undefined,
  };
}
