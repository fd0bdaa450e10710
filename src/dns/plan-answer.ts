import { CLASS_IN, type DnsData, type DnsName, type DnsRecord, nameKey, RecordType } from '#wire/dns.ts';
import type { ClusterView } from './cluster-view.ts';
import { type NameRequest, parseRequest, type RequestOptions } from './plan-request.ts';
import { planReverse } from './plan-reverse.ts';
import { planNameServers, planTargets, type Target, type TargetOptions } from './plan-targets.ts';

export interface ZoneQuestion {
  /** The whole name as asked. */
  readonly name: DnsName;
  readonly type: number;
  /** How many labels of `name`, from the right, are the zone. */
  readonly zoneLabels: number;
}

export interface PlanOptions extends TargetOptions, RequestOptions {
  /** The zone that PTR records point into. */
  readonly primaryZone: DnsName;
  /** Seconds. */
  readonly ttl: number;
  readonly soaSerial: number;
}

/** A look-up outside the zone that completes an answer. */
export interface ExternalLookup {
  readonly name: DnsName;
  readonly type: number;
}

export interface AnswerPlan {
  readonly answers: readonly DnsRecord[];
  readonly additionals: readonly DnsRecord[];
  readonly externals: readonly ExternalLookup[];
  /** Names in the data repeat the case of the question's zone. */
  readonly zoneCaseMatters: boolean;
}

/** `no-data`: the name exists, without records of this type. `no-name`: it does not exist. */
export type AnswerOutcome = AnswerPlan | 'no-data' | 'no-name';

const DNS_SCHEMA_VERSION = '1.1.0';
const DNS_VERSION_TTL = 28_800;
const MAX_SOA_TTL = 300;
const MAX_CNAMES = 8;

/** The answer to a question within one of the cluster's zones. */
export function planAnswer(question: ZoneQuestion, view: ClusterView, options: PlanOptions): AnswerOutcome {
  const { name, type, zoneLabels } = question;
  const zone = name.slice(name.length - zoneLabels);
  if (type === RecordType.SOA) return name.length === zoneLabels ? only([planSoa(zone, options)]) : 'no-data';
  if (type === RecordType.PTR) {
    const reverse = planReverse(name, view, options.primaryZone);
    if (reverse !== undefined) {
      return reverse.length === 0
        ? 'no-name'
        : only(reverse.map((target) => record(name, type, options, nameData(target))));
    }
  }
  if (type === RecordType.NS && name.length === zoneLabels) return planApexServers(zone, view, options);
  const request = parseRequest(lowerLabels(name, zoneLabels), options);
  if (request === undefined) return 'no-name';
  if (type === RecordType.TXT) return planText(name, request, view, options);
  const targets = planTargets(request, view, options);
  if (targets === undefined) return 'no-name';
  return planByType({ ...question, zone }, targets, view, options);
}

/** The labels before the zone's. */
function lowerLabels(name: DnsName, zoneLabels: number): string[] {
  return name.slice(0, name.length - zoneLabels).map((label) => label.toLowerCase());
}

function planByType(
  question: ZoneQuestion & { zone: DnsName },
  targets: Target[],
  view: ClusterView,
  options: PlanOptions,
): AnswerOutcome {
  const { name, type, zone } = question;
  switch (type) {
    case RecordType.A:
    case RecordType.AAAA:
      return planAddresses(name, type, zone, targets, view, options, []);
    case RecordType.CNAME: {
      const [first] = targets;
      return first?.host.kind === 'name'
        ? only([record(name, type, options, nameData(first.host.name))])
        : 'no-data';
    }
    case RecordType.SRV:
      return planServices(name, zone, targets, options);
    default:
      return 'no-data';
  }
}

/** The Services by which the server is reached are the zone's name servers. */
function planApexServers(zone: DnsName, view: ClusterView, options: PlanOptions): AnswerOutcome {
  const servers = new Map<string, DnsRecord>();
  const additionals: DnsRecord[] = [];
  for (const { owner, host } of planNameServers(options.servers ?? view, options.ownAddresses)) {
    const target = [...owner, ...zone];
    servers.set(nameKey(target), record(zone, RecordType.NS, options, nameData(target)));
    if (host.kind !== 'address') continue;
    const type = host.family === 4 ? RecordType.A : RecordType.AAAA;
    additionals.push(record(target, type, options, { kind: 'address', address: host.address }));
  }
  if (servers.size === 0) return 'no-data';
  return { answers: [...servers.values()], additionals, externals: [], zoneCaseMatters: true };
}

/** Only `dns-version` has text. Names that would have no record of any type do not exist for TXT. */
function planText(
  name: DnsName,
  request: NameRequest,
  view: ClusterView,
  options: PlanOptions,
): AnswerOutcome {
  if (request.kind === 'dns-version') {
    const data: DnsData = { kind: 'text', texts: [DNS_SCHEMA_VERSION] };
    return only([record(name, RecordType.TXT, { ttl: DNS_VERSION_TTL }, data)]);
  }
  if (request.kind === 'name-server') return 'no-name';
  const targets = planTargets(request, view, options);
  const exists = request.kind === 'service' ? targets !== undefined : targets?.[0] !== undefined;
  return exists ? 'no-data' : 'no-name';
}

/** Follows CNAMEs inside the zone; a chain that ends in nothing is dropped as a whole. */
function planAddresses(
  name: DnsName,
  type: number,
  zone: DnsName,
  targets: readonly Target[],
  view: ClusterView,
  options: PlanOptions,
  chain: readonly string[],
): AnswerOutcome {
  const answers: DnsRecord[] = [];
  const externals: ExternalLookup[] = [];
  const seen = new Set<string>();
  const family = type === RecordType.A ? 4 : 6;
  for (const { host } of targets) {
    if (host.kind === 'address') {
      if (host.family !== family || seen.has(host.address)) continue;
      seen.add(host.address);
      answers.push(record(name, type, options, { kind: 'address', address: host.address }));
      continue;
    }
    const cname = record(name, RecordType.CNAME, options, nameData(host.name));
    if (!isWithin(host.name, zone)) {
      answers.push(cname);
      externals.push({ name: host.name, type });
      continue;
    }
    const key = nameKey(host.name);
    if (chain.length >= MAX_CNAMES || chain.includes(key) || key === nameKey(name)) continue;
    const next = followCname(host.name, type, zone, view, options, [...chain, key]);
    if (next === undefined) continue;
    answers.push(cname, ...next.answers);
    externals.push(...next.externals);
  }
  return answers.length === 0 ? 'no-data' : { answers, additionals: [], externals, zoneCaseMatters: false };
}

function followCname(
  target: DnsName,
  type: number,
  zone: DnsName,
  view: ClusterView,
  options: PlanOptions,
  chain: readonly string[],
): AnswerPlan | undefined {
  const request = parseRequest(lowerLabels(target, zone.length), options);
  const targets = request === undefined ? undefined : planTargets(request, view, options);
  const next =
    targets === undefined ? 'no-name' : planAddresses(target, type, zone, targets, view, options, chain);
  return typeof next === 'string' ? undefined : next;
}

/** An ExternalName has none: where its name leads, its ports need not be. */
function planServices(
  name: DnsName,
  zone: DnsName,
  targets: readonly Target[],
  options: PlanOptions,
): AnswerOutcome {
  const weight = Math.max(1, Math.floor(100 / Math.max(1, targets.length)));
  const answers = new Map<string, DnsRecord>();
  const additionals = new Map<string, DnsRecord>();
  for (const { owner, host, port } of targets) {
    if (port === undefined || host.kind !== 'address') continue;
    const target = [...owner, ...zone];
    const data: DnsData = { kind: 'srv', priority: 0, weight, port, target };
    answers.set(`${port} ${nameKey(target)}`, record(name, RecordType.SRV, options, data));
    const type = host.family === 4 ? RecordType.A : RecordType.AAAA;
    const key = `${host.address} ${nameKey(target)}`;
    additionals.set(key, record(target, type, options, { kind: 'address', address: host.address }));
  }
  if (answers.size === 0) return 'no-data';
  return {
    answers: [...answers.values()],
    additionals: [...additionals.values()],
    externals: [],
    zoneCaseMatters: true,
  };
}

/** The SOA record of a zone, in the case it was asked. */
export function planSoa(zone: DnsName, { ttl, soaSerial }: PlanOptions): DnsRecord {
  const data: DnsData = {
    kind: 'soa',
    mname: ['ns', 'dns', ...zone],
    rname: ['hostmaster', ...zone],
    serial: soaSerial,
    refresh: 7200,
    retry: 1800,
    expire: 86_400,
    minimum: ttl,
  };
  return record(zone, RecordType.SOA, { ttl: Math.min(ttl, MAX_SOA_TTL) }, data);
}

function record(name: DnsName, type: number, { ttl }: { ttl: number }, data: DnsData): DnsRecord {
  return { name, type, class: CLASS_IN, ttl, data };
}

function nameData(target: DnsName): DnsData {
  return { kind: 'name', target };
}

function only(answers: readonly DnsRecord[]): AnswerPlan {
  return { answers, additionals: [], externals: [], zoneCaseMatters: false };
}

function isWithin(name: DnsName, zone: DnsName): boolean {
  return name.length >= zone.length && nameKey(name.slice(name.length - zone.length)) === nameKey(zone);
}
