import { TracingView } from '#dns/cluster-index.ts';
import type { Answerer, DnsAnswer, DnsReply, DnsRequest } from '#dns/handler.ts';
import { lookUp } from '#dns/look-up.ts';
import type { ClusterSource, PluginInstance, SetupContext, ZoneTransfer } from '#dns/plugin.ts';
import { PreparedAnswers } from '#dns/prepared-answers.ts';
import { isApart, type Zone, ZoneSet } from '#dns/zone.ts';
import { type DnsRecord, HeaderFlag, RecordType, ResponseCode } from '#wire/dns.ts';
import { type PreparedAnswer, prepareAnswer, respond } from '#wire/dns-answer.ts';
import { questionLabels } from '#wire/dns-query.ts';
import { planApex, planExternalSoa } from './plan-apex.ts';
import {
  type ExternalLookUp,
  type ExternalOptions,
  type ExternalPlan,
  planExternal,
} from './plan-external.ts';
import { planExternalTransfer } from './plan-external-transfer.ts';

const NAME = 'k8s_external';
/** `ENDPOINT.SERVICE.NAMESPACE`. */
const ENDPOINT_LABELS = 3;
/** Kept until an object changes. The SOA goes with every serial, types that few ask for are not worth the room. */
const KEPT = new Set<number>([RecordType.A, RecordType.AAAA, RecordType.SRV, RecordType.PTR]);

export interface ExternalConfig extends Pick<ExternalOptions, 'apex' | 'ttl' | 'headless'> {
  readonly zones: readonly Zone[];
  /** Unknown names in these go on to the next plugin. */
  readonly fallthrough: readonly Zone[];
}

/** Answers for its zones from what the plugin `kubernetes` of the block knows. */
export class ExternalHandler implements PluginInstance {
  readonly name = NAME;
  readonly expressZones: readonly string[];
  readonly #config: ExternalConfig;
  readonly #block: SetupContext['block'];
  readonly #zones: ZoneSet;
  readonly #fallthrough: ZoneSet;
  readonly #answers = new PreparedAnswers();
  #cluster: ClusterSource | undefined;

  constructor(config: ExternalConfig, { block }: Pick<SetupContext, 'block'>) {
    this.#config = config;
    this.#block = block;
    this.#zones = new ZoneSet(config.zones);
    this.#fallthrough = new ZoneSet(config.fallthrough);
    this.expressZones = config.zones.map(({ key }) => key);
  }

  start(): void {
    this.#cluster = this.#block.plugins.find(({ cluster }) => cluster !== undefined)?.cluster;
    this.#cluster?.onChange((lookups) => this.#answers.invalidate(lookups));
  }

  /** Zones that have nothing to do with its own. */
  passes(zoneKey: string): boolean {
    return this.#config.zones.every((zone) => isApart(zone, { key: zoneKey }));
  }

  handle(request: DnsRequest, next: Answerer): DnsReply {
    const zone = this.#zones.match(request.query);
    if (zone === undefined || this.#cluster === undefined) return next(request);
    const prepared = this.#answers.get(request.query.key);
    if (prepared === undefined) return this.#answer(request, zone, this.#cluster, next);
    request.answeredBy = NAME;
    this.#expedite(request, zone, prepared);
    return respond(request.query, prepared, HeaderFlag.AA, request.limit);
  }

  #answer(request: DnsRequest, zone: Zone, cluster: ClusterSource, next: Answerer): DnsReply {
    const { query } = request;
    const view = new TracingView(cluster.index);
    const question = { name: questionLabels(query), type: query.type, zone: zone.labels };
    const options = this.#options(cluster);
    const apex = planApex(question, view, options);
    const outcome = apex ?? planExternal(question, view, options);
    if (outcome === 'no-name' && apex === undefined && this.#fallthrough.match(query) !== undefined)
      return next(request);
    request.answeredBy = NAME;
    if (typeof outcome !== 'string' && outcome.lookUps.length > 0) return withLookUps(request, outcome);
    const missing = cluster.synced ? ResponseCode.NXDOMAIN : ResponseCode.SERVFAIL;
    const answer: DnsAnswer = {
      rcode: outcome === 'no-name' ? missing : ResponseCode.NOERROR,
      flags: HeaderFlag.AA,
      authorities: [],
      ...(typeof outcome === 'string'
        ? { answers: [], additionals: [], authorities: [planExternalSoa(zone.labels, options)] }
        : { answers: outcome.answers, additionals: outcome.additionals }),
    };
    if (outcome !== 'no-name' && apex === undefined && cluster.synced)
      this.#keep(request, zone, answer, view);
    return answer;
  }

  /** Until one of the look-ups changes that it came from. */
  #keep(request: DnsRequest, zone: Zone, answer: DnsAnswer, { lookups }: TracingView): void {
    const { query } = request;
    const name = questionLabels(query);
    // The case of one client must not get into the answers of others.
    if (!KEPT.has(query.type) || name.some((label) => label !== label.toLowerCase())) return;
    // Before the name of a Service with external addresses any label will do: there is no end of such names.
    if (name.length - zone.labels.length === ENDPOINT_LABELS && query.type !== RecordType.PTR) return;
    if ([...lookups].every((lookup) => lookup.startsWith('namespace '))) return;
    const prepared = prepareAnswer(name, answer);
    this.#answers.set(query.key, prepared, lookups);
    this.#expedite(request, zone, prepared);
  }

  /** Lets the answer be given without the chain from now on, on the server that was asked. */
  #expedite({ query, block }: DnsRequest, zone: Zone, prepared: PreparedAnswer): void {
    const lane = block.express.get(NAME);
    if (lane?.zones.has(zone.key) !== true || lane.closed || lane.table.holds(query, prepared)) return;
    lane.table.set(query, { prepared, flags: HeaderFlag.AA, counts: lane.counts });
  }

  #options({ planOptions: { ttl: clusterTtl, soaSerial, ownAddresses } }: ClusterSource): ExternalOptions {
    const firstZone = this.#config.zones[0]?.labels ?? [];
    return { ...this.#config, clusterTtl, soaSerial, ownAddresses, firstZone };
  }

  transfer(zoneKey: string): ZoneTransfer | undefined {
    const zone = this.#config.zones.find(({ key }) => key === zoneKey);
    if (zone === undefined || this.#cluster === undefined) return undefined;
    return planExternalTransfer(zone.labels, this.#cluster.index, this.#options(this.#cluster));
  }
}

/** What is behind host names is not the cluster's to say. */
async function withLookUps(request: DnsRequest, plan: ExternalPlan): Promise<DnsAnswer> {
  const found = await Promise.all(plan.lookUps.map((each) => recordsOf(each, request)));
  const of = (section: ExternalLookUp['section']): readonly DnsRecord[] =>
    found.flatMap((records, i) => (plan.lookUps[i]?.section === section ? records : []));
  return {
    rcode: ResponseCode.NOERROR,
    flags: HeaderFlag.AA,
    answers: [...plan.answers, ...of('answers')],
    authorities: [],
    additionals: [...plan.additionals, ...of('additionals')],
  };
}

async function recordsOf({ name, type }: ExternalLookUp, request: DnsRequest): Promise<readonly DnsRecord[]> {
  const answer = await lookUp(request, name, type).catch(() => undefined);
  return answer?.rcode === ResponseCode.NOERROR ? answer.answers : [];
}
