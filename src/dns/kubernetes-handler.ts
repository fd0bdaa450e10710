import {
  CLASS_IN,
  type DnsName,
  type DnsRecord,
  encodeQuery,
  HEADER_BYTES,
  HeaderFlag,
  RecordType,
  ResponseCode,
  typeNumber,
} from '#wire/dns.ts';
import { type PreparedAnswer, prepareAnswer, respond, retire } from '#wire/dns-answer.ts';
import { type DnsQuery, questionLabels, readQuery } from '#wire/dns-query.ts';
import { AbsentNames } from './absent-names.ts';
import { type ClusterIndex, TracingView } from './cluster-index.ts';
import { emptyAnswer, structured } from './finish-answer.ts';
import { type Answerer, type DnsReply, type DnsRequest, type DnsResult, DROP } from './handler.ts';
import type { KubernetesConfig } from './kubernetes-config.ts';
import {
  type AnswerPlan,
  type ExternalLookup,
  type PlanOptions,
  planAnswer,
  planSoa,
} from './plan-answer.ts';
import { isEndless } from './plan-request.ts';
import { PreparedAnswers } from './prepared-answers.ts';
import { type Zone, ZoneMap, ZoneSet } from './zone.ts';

interface ServedZone {
  readonly zone: Zone;
  /** Of ServiceImports. */
  readonly imported: boolean;
  /** Distinguishes zones in the keys of negative answers. */
  readonly index: number;
}

/** Where names come from: Services, and, in zones of their own, ServiceImports. */
export interface ClusterIndexes {
  readonly cluster: ClusterIndex;
  readonly imported: ClusterIndex;
}

const NAME = 'kubernetes';
/** Types whose NODATA is kept like an answer: those that clients ask for all the time. */
const KEPT_EMPTY = new Set<number | undefined>([RecordType.A, RecordType.AAAA, typeNumber('HTTPS')]);

/**
 * Answers for the cluster's zones from the objects in its indexes. Answers with records are kept prepared
 * under their question; a change of an object drops the ones it went into. Negative answers differ only
 * in where the zone begins, so one is kept per offset.
 */
export class KubernetesHandler {
  /** Until then a name that is not known yet is SERVFAIL rather than NXDOMAIN. */
  synced = false;
  readonly #indexes: ClusterIndexes;
  readonly #zones: ZoneMap<ServedZone>;
  readonly #fallthrough: ZoneSet;
  readonly #answers = new PreparedAnswers();
  readonly #negatives = new Map<number, PreparedAnswer>();
  #options: PlanOptions;

  constructor(config: KubernetesConfig, indexes: ClusterIndexes, ownAddresses: readonly string[]) {
    const { zones, multicluster, fallthrough, pods, ttl, zonal, ignoreEmpty } = config;
    const imported = new Set(multicluster.map(({ key }) => key));
    this.#indexes = indexes;
    this.#zones = new ZoneMap(
      zones.map((zone, index) => [zone, { zone, index, imported: imported.has(zone.key) }]),
    );
    this.#fallthrough = new ZoneSet(fallthrough);
    const primary = zones.find(({ labels }) => labels.at(-1) !== 'arpa');
    const primaryZone = primary?.labels ?? [];
    this.#options = { primaryZone, pods, ttl, zonal, ignoreEmpty, ownAddresses, soaSerial: serialNow() };
  }

  /** The serial of the SOA records: grows with every change. */
  get serial(): number {
    return this.#options.soaSerial;
  }

  handle(request: DnsRequest, next: Answerer): DnsReply {
    const { query, limit } = request;
    const prepared = this.#answers.get(query.key);
    if (prepared !== undefined) {
      request.answeredBy = NAME;
      this.#expedite(request, prepared);
      return respond(query, prepared, HeaderFlag.AA, limit);
    }
    const served = this.#zones.match(query);
    return served === undefined ? next(request) : this.#answer(request, served, next);
  }

  #answer(request: DnsRequest, served: ServedZone, next: Answerer): DnsReply {
    const { query, limit } = request;
    const { zone, imported } = served;
    request.answeredBy = NAME;
    if (query.type === RecordType.AXFR || query.type === RecordType.IXFR)
      return emptyAnswer(ResponseCode.REFUSED);
    const view = new TracingView(imported ? this.#indexes.imported : this.#indexes.cluster);
    const question = asAsked(query, zone);
    const servers = imported ? new TracingView(this.#indexes.cluster) : view;
    const options = imported ? { ...this.#options, imported, servers } : this.#options;
    const outcome = planAnswer(question, view, options);
    if (imported) for (const lookup of servers.lookups) view.lookups.add(lookup);
    if (outcome === 'no-name') {
      if (this.#fallthrough.match(query) !== undefined) {
        request.answeredBy = '';
        return next(request);
      }
      const rcode = this.synced ? ResponseCode.NXDOMAIN : ResponseCode.SERVFAIL;
      if (this.synced) this.#keepAbsent(request, served);
      return respond(query, this.#negativeOf(query, served, rcode), HeaderFlag.AA, limit);
    }
    if (outcome === 'no-data') {
      const empty = this.#negativeOf(query, served, ResponseCode.NOERROR);
      // In any case: nothing of its records is spelled out of the question.
      if (KEPT_EMPTY.has(query.type)) this.#keep(request, { ...empty, onStale: undefined }, view);
      return respond(query, empty, HeaderFlag.AA, limit);
    }
    if (outcome.externals.length > 0) return withExternals(request, outcome);
    const prepared = prepareAnswer(question.name, {
      ...outcome,
      rcode: ResponseCode.NOERROR,
      authorities: [],
    });
    if (!outcome.zoneCaseMatters || isPlain(query)) this.#keep(request, prepared, view);
    return respond(query, prepared, HeaderFlag.AA, limit);
  }

  /** Keeps what is dropped again when an object changes; what merely echoes the question never would be. */
  #keep(request: DnsRequest, prepared: PreparedAnswer, view: TracingView): void {
    const changing = [...view.lookups].some((lookup) => !lookup.startsWith('namespace '));
    const zone = this.#zones.match(request.query)?.zone;
    if (!changing || !this.synced || zone === undefined) return;
    if (isEndless(labelsWithin(request.query, zone))) return;
    this.#answers.set(request.query.key, prepared, view.lookups);
    this.#expedite(request, prepared);
  }

  /** Lets the answer be given without the chain from now on, on the server that was asked. */
  #expedite({ query, block }: DnsRequest, prepared: PreparedAnswer): void {
    const lane = block.express.get(NAME);
    const zone = this.#zones.match(query)?.zone;
    if (zone === undefined || lane?.zones.has(zone.key) !== true || lane.closed) return;
    if (lane.table.holds(query, prepared)) return;
    lane.table.set(query, { prepared, flags: HeaderFlag.AA, counts: lane.counts });
  }

  /** Lets names that do not exist be answered without the chain, where all of them would come here. */
  #keepAbsent({ block }: DnsRequest, served: ServedZone): void {
    const { zone, imported } = served;
    const lane = block.express.get(NAME);
    if (lane === undefined || lane.closed || lane.table.hasAbsent(zone)) return;
    if (zone.labels.length === 0 || !this.#holdsAll(zone) || !lane.takesAbsent(zone.key)) return;
    const names = new AbsentNames({
      zone,
      names: (imported ? this.#indexes.imported : this.#indexes.cluster).names,
      pods: this.#options.pods !== 'disabled',
      prepared: (zoneStart) => this.#negative(served, ResponseCode.NXDOMAIN, zoneStart),
      counts: lane.counts,
    });
    lane.table.setAbsent(names);
  }

  /** Whether no name of the zone is of another zone, or handed on. */
  #holdsAll({ key }: Zone): boolean {
    const others = this.#zones.keys.filter((other) => other !== key);
    return (
      !others.some((other) => other.endsWith(key)) &&
      !this.#fallthrough.keys.some((other) => other.endsWith(key) || key.endsWith(other))
    );
  }

  #negativeOf(query: DnsQuery, served: ServedZone, rcode: number): PreparedAnswer {
    const zoneStart = query.labelStarts.at(-1 - served.zone.labels.length) ?? HEADER_BYTES;
    return this.#negative(served, rcode, zoneStart);
  }

  #negative({ zone, index }: ServedZone, rcode: number, zoneStart: number): PreparedAnswer {
    const key = (index << 16) | (rcode << 12) | zoneStart;
    let prepared = this.#negatives.get(key);
    if (prepared === undefined) {
      const authorities = [planSoa(zone.labels, this.#options)];
      prepared = prepareAnswer(zone.labels, { rcode, answers: [], authorities, additionals: [] }, zoneStart);
      this.#negatives.set(key, prepared);
    }
    return prepared;
  }

  /** To be called with the look-ups, as by `lookupKey`, whose results have changed. */
  changed(lookups: readonly string[]): void {
    this.#answers.invalidate(lookups);
    const soaSerial = serialNow();
    if (soaSerial === this.#options.soaSerial) return;
    this.#options = { ...this.#options, soaSerial };
    for (const prepared of this.#negatives.values()) retire(prepared);
    this.#negatives.clear();
  }

  /** The options that records are made with. */
  get planOptions(): PlanOptions {
    return this.#options;
  }

  /** Whether the name's longest zone is one of Services: `autopath` and `transfer` are for those. */
  zoneOf(query: DnsQuery): Zone | undefined {
    return this.#zones.match(query)?.zone;
  }
}

/** Without the zone's. */
function labelsWithin(query: DnsQuery, zone: Zone): string[] {
  const labels = questionLabels(query);
  return labels.slice(0, labels.length - zone.labels.length);
}

function asAsked(query: DnsQuery, { labels }: Zone): { name: DnsName; type: number; zoneLabels: number } {
  return { name: questionLabels(query), type: query.type, zoneLabels: labels.length };
}

/** Asked in lower case: the case of one client must not get into the answers of others. */
function isPlain({ message, questionEnd, key }: DnsQuery): boolean {
  return message.toString('latin1', HEADER_BYTES, questionEnd) === key;
}

/** An ExternalName's own records follow its CNAME as far as the server knows them. */
async function withExternals(request: DnsRequest, plan: AnswerPlan): Promise<DnsResult> {
  const answers = [...plan.answers];
  for (const external of plan.externals) answers.push(...(await lookUp(external, request)));
  return {
    rcode: ResponseCode.NOERROR,
    flags: HeaderFlag.AA,
    answers,
    authorities: [],
    additionals: plan.additionals,
  };
}

async function lookUp(external: ExternalLookup, request: DnsRequest): Promise<DnsRecord[]> {
  const query = readQuery(encodeQuery(0, { ...external, class: CLASS_IN }, HeaderFlag.RD));
  if ('rejected' in query) return [];
  try {
    const result = await request.block.resolve({ ...request, query, limit: 0xffff });
    if (result === DROP) return [];
    const { rcode, answers } = structured(result);
    return rcode === ResponseCode.NOERROR ? [...answers] : [];
  } catch {
    return [];
  }
}

/** Seconds since 1970, which also grow when the server is replaced. */
function serialNow(): number {
  return Math.floor(Date.now() / 1000) >>> 0;
}
