import {
  type DnsName,
  type DnsRecord,
  encodeQuery,
  HEADER_BYTES,
  HeaderFlag,
  nameKey,
  parseName,
  RecordType,
  ResponseCode,
} from '#wire/dns.ts';
import { type PreparedAnswer, prepareAnswer, respond, respondEmpty } from '#wire/dns-answer.ts';
import { questionLabels, readQuery } from '#wire/dns-query.ts';
import { ClusterIndex, TracingView } from './cluster-index.ts';
import type { KubernetesZones } from './config.ts';
import { structured } from './finish-answer.ts';
import { type Answerer, type DnsHandler, type DnsReply, type DnsRequest, DROP } from './handler.ts';
import {
  type AnswerPlan,
  type ExternalLookup,
  type PlanOptions,
  planAnswer,
  planSoa,
} from './plan-answer.ts';
import { PreparedAnswers } from './prepared-answers.ts';

interface Zone {
  readonly labels: DnsName;
  readonly fallthrough: boolean;
  /** Distinguishes zones in the keys of negative answers. */
  readonly index: number;
}

/**
 * Answers for the cluster's zones from the objects in its index. Answers with records are kept prepared
 * under their question; a change of an object drops the ones it went into. Negative answers differ only
 * in where the zone begins, so one is kept per offset.
 */
export class KubernetesHandler implements DnsHandler {
  readonly name = 'kubernetes';
  readonly index: ClusterIndex;
  /** Until then a name that is not known yet is SERVFAIL rather than NXDOMAIN. */
  synced = false;
  readonly #zones: ReadonlyMap<string, Zone>;
  readonly #answers = new PreparedAnswers();
  readonly #negatives = new Map<number, PreparedAnswer>();
  #options: PlanOptions;

  constructor({ zones, fallthrough, pods, ttl }: KubernetesZones) {
    const labels = zones.map(labelsOf);
    const through = new Set(fallthrough.map((zone) => nameKey(labelsOf(zone))));
    this.#zones = new Map(
      labels.map((zone, index) => [
        nameKey(zone),
        { labels: zone, index, fallthrough: through.has(nameKey(zone)) },
      ]),
    );
    const primaryZone = labels.find((zone) => zone.at(-1) !== 'arpa') ?? labelsOf('cluster.local');
    this.#options = { primaryZone, pods, ttl, soaSerial: serialNow() };
    this.index = new ClusterIndex((lookups) => this.#changed(lookups));
  }

  handle(request: DnsRequest, next: Answerer): DnsReply {
    const { query, limit } = request;
    const prepared = this.#answers.get(query.key);
    if (prepared !== undefined) return respond(query, prepared, HeaderFlag.AA, limit);
    const zone = this.#zoneOf(request);
    return zone === undefined ? next(request) : this.#answer(request, zone, next);
  }

  #answer(request: DnsRequest, zone: Zone, next: Answerer): DnsReply {
    const { query, limit } = request;
    if (query.type === RecordType.AXFR || query.type === RecordType.IXFR) {
      return respondEmpty(query.message, query.questionEnd, ResponseCode.REFUSED, query.edns);
    }
    const view = new TracingView(this.index);
    const name = questionLabels(query);
    const question = { name, type: query.type, zoneLabels: zone.labels.length };
    const outcome = planAnswer(question, view, this.#options);
    if (outcome === 'no-name' && zone.fallthrough) return next(request);
    if (outcome === 'no-name')
      return this.#negative(request, zone, this.synced ? ResponseCode.NXDOMAIN : ResponseCode.SERVFAIL);
    if (outcome === 'no-data') return this.#negative(request, zone, ResponseCode.NOERROR);
    if (outcome.externals.length > 0) return this.#withExternals(request, name, outcome, next);
    const prepared = prepareAnswer(name, { ...outcome, rcode: ResponseCode.NOERROR, authorities: [] });
    if (this.#mayKeep(request, outcome, view)) this.#answers.set(query.key, prepared, view.lookups);
    return respond(query, prepared, HeaderFlag.AA, limit);
  }

  /** Not what nobody will invalidate, nor what repeats the unusual case of one client. */
  #mayKeep({ query }: DnsRequest, outcome: AnswerPlan, view: TracingView): boolean {
    const echoed = [...view.lookups].every((lookup) => lookup.startsWith('namespace '));
    if (echoed) return false;
    return (
      !outcome.zoneCaseMatters ||
      query.message.toString('latin1', HEADER_BYTES, query.questionEnd) === query.key
    );
  }

  #negative({ query, limit }: DnsRequest, zone: Zone, rcode: number): Buffer {
    const zoneStart = query.labelStarts.at(-1 - zone.labels.length) ?? HEADER_BYTES;
    const key = (zone.index << 16) | (rcode << 12) | zoneStart;
    let prepared = this.#negatives.get(key);
    if (prepared === undefined) {
      const authorities = [planSoa(zone.labels, this.#options)];
      prepared = prepareAnswer(zone.labels, { rcode, answers: [], authorities, additionals: [] }, zoneStart);
      this.#negatives.set(key, prepared);
    }
    return respond(query, prepared, HeaderFlag.AA, limit);
  }

  /** An ExternalName's own records follow its CNAME as far as somebody behind us knows them. */
  async #withExternals(
    request: DnsRequest,
    name: DnsName,
    plan: AnswerPlan,
    next: Answerer,
  ): Promise<Buffer> {
    const found = { answers: [...plan.answers], additionals: [...plan.additionals] };
    for (const external of plan.externals) {
      found[external.into].push(...(await lookUp(external, request, next)));
    }
    const prepared = prepareAnswer(name, { ...found, rcode: ResponseCode.NOERROR, authorities: [] });
    return respond(request.query, prepared, HeaderFlag.AA, request.limit);
  }

  #zoneOf({ query }: DnsRequest): Zone | undefined {
    for (const start of query.labelStarts) {
      const zone = this.#zones.get(query.key.slice(start - HEADER_BYTES, query.key.length - 4));
      if (zone !== undefined) return zone;
    }
    return undefined;
  }

  #changed(lookups: readonly string[]): void {
    this.#answers.invalidate(lookups);
    const soaSerial = serialNow();
    if (soaSerial === this.#options.soaSerial) return;
    this.#options = { ...this.#options, soaSerial };
    this.#negatives.clear();
  }
}

async function lookUp(external: ExternalLookup, request: DnsRequest, next: Answerer): Promise<DnsRecord[]> {
  const message = encodeQuery(0, { ...external, class: 1 }, HeaderFlag.RD);
  const query = readQuery(message);
  if ('rejected' in query) return [];
  try {
    const result = await next({ ...request, query, limit: 0xffff });
    if (result === DROP) return [];
    const { rcode, answers } = structured(result);
    return rcode === ResponseCode.NOERROR ? [...answers] : [];
  } catch {
    return [];
  }
}

function labelsOf(zone: string): DnsName {
  const labels = parseName(zone.toLowerCase());
  if (labels === undefined) throw new TypeError(`${JSON.stringify(zone)} is not a domain name`);
  return labels;
}

/** Seconds since 1970, which also grow when the server is replaced. */
function serialNow(): number {
  return Math.floor(Date.now() / 1000) >>> 0;
}
