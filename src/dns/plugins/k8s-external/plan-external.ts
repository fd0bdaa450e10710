import type { ClusterView, ServiceEntry } from '#dns/cluster-view.ts';
import { type NameRequest, withoutUnderscore } from '#dns/plan-request.ts';
import { reverseAddress } from '#dns/plan-reverse.ts';
import { addressTarget, endpointTargets, portMatches, portsOf, type Target } from '#dns/plan-targets.ts';
import { parseIp } from '#lib/ip.ts';
import { CLASS_IN, type DnsData, type DnsName, type DnsRecord, parseName, RecordType } from '#wire/dns.ts';

export interface ExternalOptions {
  /** The label below each zone that its name server is under. */
  readonly apex: string;
  /** Seconds, of addresses and of the zone's own records. */
  readonly ttl: number;
  /** Seconds, of CNAME and SRV records: that of the cluster's own zones. */
  readonly clusterTtl: number;
  /** Headless Services and endpoints have names, too. */
  readonly headless: boolean;
  /** The zone that PTR records point into. */
  readonly firstZone: DnsName;
  readonly soaSerial: number;
  /** The server's own addresses, canonical, by which it finds the Service that it is reached by. */
  readonly ownAddresses: readonly string[];
}

export interface ExternalQuestion {
  /** As asked. */
  readonly name: DnsName;
  readonly type: number;
  /** One of the plugin's. */
  readonly zone: DnsName;
}

export interface ExternalPlan {
  readonly answers: readonly DnsRecord[];
  readonly additionals: readonly DnsRecord[];
  /** Host names of load balancers: what others know of them goes into the answer too, or is additional. */
  readonly lookUps: readonly ExternalLookUp[];
}

export interface ExternalLookUp {
  readonly name: DnsName;
  readonly type: number;
  readonly section: 'answers' | 'additionals';
}

/** `no-data`: the name exists, without records of this type. `no-name`: it does not exist. */
export type ExternalOutcome = ExternalPlan | 'no-data' | 'no-name';

type ServiceRequest = NameRequest & { kind: 'service' };

/** The answer to a question below `[[PORT.PROTOCOL|ENDPOINT].]SERVICE.NAMESPACE.ZONE`, other than for the apex. */
export function planExternal(
  { name, type, zone }: ExternalQuestion,
  view: ClusterView,
  options: ExternalOptions,
): ExternalOutcome {
  const address = type === RecordType.PTR ? reverseAddress(name) : undefined;
  if (address !== undefined) return planPointers(name, view.servicesByExternalIp(address), options);
  const labels = name.slice(0, name.length - zone.length).map((label) => label.toLowerCase());
  const [namespace = '', service, ...rest] = labels.toReversed();
  if (!view.hasNamespace(namespace)) return 'no-name';
  if (service === undefined) return 'no-data';
  const entry = rest.length > 2 ? undefined : view.service(namespace, service);
  if (entry === undefined) return 'no-name';
  const targets = planTargets(entry, requestFor(namespace, service, rest), view, options);
  if (targets.length === 0) return 'no-name';
  switch (type) {
    case RecordType.A:
    case RecordType.AAAA:
      return planAddresses(name, type, targets, options);
    case RecordType.SRV:
      return planServices(name, zone, targets, options);
    default:
      return 'no-data';
  }
}

function planPointers(
  name: DnsName,
  services: Iterable<ServiceEntry>,
  { ttl, firstZone }: ExternalOptions,
): ExternalOutcome {
  const answers = Array.from(services, (service) =>
    record(name, RecordType.PTR, ttl, nameData([service.name, service.namespace, ...firstZone])),
  );
  return answers.length === 0 ? 'no-name' : { answers, additionals: [], lookUps: [] };
}

/** `rest`: the labels before the Service's name, from right to left. */
function requestFor(namespace: string, service: string, [first, second]: readonly string[]): ServiceRequest {
  const bare = { kind: 'service', namespace, service, port: undefined, protocol: undefined } as const;
  if (first === undefined) return { ...bare, endpoint: undefined };
  if (second === undefined) return { ...bare, endpoint: withoutUnderscore(first) };
  return {
    ...bare,
    endpoint: undefined,
    port: withoutUnderscore(second),
    protocol: withoutUnderscore(first),
  };
}

/** The owners are below the plugin's zone. What a Service has outside the cluster goes before its endpoints. */
export function planTargets(
  service: ServiceEntry,
  request: ServiceRequest,
  view: ClusterView,
  { headless }: Pick<ExternalOptions, 'headless'>,
): Target[] {
  const owner = [service.name, service.namespace];
  if (service.externals.length === 0) {
    const named = headless && (service.kind === 'headless' || request.endpoint !== undefined);
    return named ? endpointTargets(service, request, view).map(withoutSvc) : [];
  }
  const asked = portsOf(service).filter((port) => portMatches(port, request));
  return service.externals.flatMap((external) =>
    asked.flatMap((port) => externalTarget(owner, external, port?.port)),
  );
}

function externalTarget(owner: DnsName, external: string, port: number | undefined): Target[] {
  const address = parseIp(external);
  if (address !== undefined) return [addressTarget(owner, address, port)];
  const name = parseName(external);
  return name === undefined || name.length === 0 ? [] : [{ owner, host: { kind: 'name', name }, port }];
}

/** In the cluster's own zones endpoints are below `svc`. */
function withoutSvc(target: Target): Target {
  return { ...target, owner: target.owner.slice(0, -1) };
}

function planAddresses(
  name: DnsName,
  type: number,
  targets: readonly Target[],
  { ttl, clusterTtl }: ExternalOptions,
): ExternalOutcome {
  const family = type === RecordType.A ? 4 : 6;
  const answers = new Map<string, DnsRecord>();
  const lookUps: ExternalLookUp[] = [];
  for (const { host } of targets) {
    if (host.kind === 'address') {
      const data: DnsData = { kind: 'address', address: host.address };
      if (host.family === family) answers.set(host.address, record(name, type, ttl, data));
      continue;
    }
    const key = host.name.join('.').toLowerCase();
    if (answers.has(key)) continue;
    answers.set(key, record(name, RecordType.CNAME, clusterTtl, nameData(host.name)));
    lookUps.push({ name: host.name, type, section: 'answers' });
  }
  return answers.size === 0 ? 'no-data' : { answers: [...answers.values()], additionals: [], lookUps };
}

/** Without a port there is no SRV record. */
export function planServices(
  name: DnsName,
  zone: DnsName,
  targets: readonly Target[],
  { ttl, clusterTtl }: Pick<ExternalOptions, 'ttl' | 'clusterTtl'>,
): ExternalOutcome {
  const weight = Math.max(1, Math.floor(100 / Math.max(1, targets.length)));
  const answers = new Map<string, DnsRecord>();
  const additionals = new Map<string, DnsRecord>();
  const named = new Map<string, DnsName>();
  for (const { owner, host, port } of targets) {
    if (port === undefined) continue;
    const target = host.kind === 'name' ? host.name : [...owner, ...zone];
    const key = target.join('.').toLowerCase();
    const data: DnsData = { kind: 'srv', priority: 0, weight, port, target };
    answers.set(`${port} ${key}`, record(name, RecordType.SRV, clusterTtl, data));
    if (host.kind === 'name') named.set(key, host.name);
    else additionals.set(`${host.address} ${key}`, addressRecord(target, host, ttl));
  }
  if (answers.size === 0) return 'no-data';
  const lookUps = [...named.values()].flatMap((host) =>
    [RecordType.A, RecordType.AAAA].map((type) => ({ name: host, type, section: 'additionals' as const })),
  );
  return { answers: [...answers.values()], additionals: [...additionals.values()], lookUps };
}

export function addressRecord(
  name: DnsName,
  { family, address }: { readonly family: 4 | 6; readonly address: string },
  ttl: number,
): DnsRecord {
  return record(name, family === 4 ? RecordType.A : RecordType.AAAA, ttl, { kind: 'address', address });
}

export function record(name: DnsName, type: number, ttl: number, data: DnsData): DnsRecord {
  return { name, type, class: CLASS_IN, ttl, data };
}

export function nameData(target: DnsName): DnsData {
  return { kind: 'name', target };
}
