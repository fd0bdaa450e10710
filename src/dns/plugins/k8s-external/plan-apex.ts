import type { ClusterView, ServiceEntry, SliceEntry } from '#dns/cluster-view.ts';
import { type IpFamily, ipFamily, parseIp } from '#lib/ip.ts';
import { type DnsName, type DnsRecord, RecordType } from '#wire/dns.ts';
import {
  addressRecord,
  type ExternalOptions,
  type ExternalOutcome,
  type ExternalQuestion,
  nameData,
  record,
} from './plan-external.ts';

const NAME_SERVER = 'ns1';
const HOSTMASTER = 'hostmaster';

interface Address {
  readonly family: IpFamily;
  readonly address: string;
}

/** The answer for the zone itself and for the names of its name server; undefined for all other names. */
export function planApex(
  { name, type, zone }: ExternalQuestion,
  view: ClusterView,
  options: ExternalOptions,
): ExternalOutcome | undefined {
  const labels = name.slice(0, name.length - zone.length).map((label) => label.toLowerCase());
  if (labels.length === 0) return planZone(name, type, zone, view, options);
  const [server, ...more] = labels.toReversed().slice(1);
  if (labels.at(-1) !== options.apex) return undefined;
  if (server === undefined) return 'no-data';
  if (server !== NAME_SERVER || more.length > 0) return 'no-name';
  const family = type === RecordType.A ? 4 : type === RecordType.AAAA ? 6 : undefined;
  const answers = planNameServers(view, options)
    .filter((address) => address.family === family)
    .map((address) => addressRecord(name, address, options.ttl));
  return answers.length === 0 ? 'no-data' : { answers, additionals: [], lookUps: [] };
}

function planZone(
  name: DnsName,
  type: number,
  zone: DnsName,
  view: ClusterView,
  options: ExternalOptions,
): ExternalOutcome {
  if (type === RecordType.SOA)
    return { answers: [planExternalSoa(zone, options)], additionals: [], lookUps: [] };
  if (type !== RecordType.NS) return 'no-data';
  const [server, ...additionals] = planServerRecords(name, view, options);
  return server === undefined ? 'no-data' : { answers: [server], additionals, lookUps: [] };
}

/** The NS record of a zone and the addresses of the name server. */
export function planServerRecords(zone: DnsName, view: ClusterView, options: ExternalOptions): DnsRecord[] {
  const server = [NAME_SERVER, options.apex, ...zone];
  return [
    record(zone, RecordType.NS, options.ttl, nameData(server)),
    ...planNameServers(view, options).map((address) => addressRecord(server, address, options.ttl)),
  ];
}

export function planExternalSoa(zone: DnsName, { apex, ttl, soaSerial }: ExternalOptions): DnsRecord {
  return record(zone, RecordType.SOA, ttl, {
    kind: 'soa',
    mname: [NAME_SERVER, apex, ...zone],
    rname: [HOSTMASTER, apex, ...zone],
    serial: soaSerial,
    refresh: 7200,
    retry: 1800,
    expire: 86_400,
    minimum: ttl,
  });
}

/** Where the Services that the server is reached by are found from outside; its own addresses if there is no such Service. */
function planNameServers(view: ClusterView, { ownAddresses, headless }: ExternalOptions): Address[] {
  const slices = ownAddresses.flatMap((own) => [...view.slicesByIp(own)]);
  const found =
    slices.length === 0
      ? ownAddresses
      : slices.flatMap((slice) => {
          const service = view.service(slice.namespace, slice.service);
          return service === undefined ? [] : outsideAddresses(service, slice, headless);
        });
  const addresses = found.map((text) => parseIp(text)).filter((address) => address !== undefined);
  return [...new Set(addresses)].map((address) => ({ family: ipFamily(address), address }));
}

function outsideAddresses(service: ServiceEntry, slice: SliceEntry, headless: boolean): readonly string[] {
  return headless && service.kind === 'headless'
    ? slice.addresses.map(({ address }) => address)
    : service.externals;
}
