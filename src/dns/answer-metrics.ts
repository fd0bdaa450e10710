import { RecordType, rcodeName, typeName, typeNumber } from '#wire/dns.ts';
import {
  AnswerCounts,
  COUNTED_TYPES,
  DURATION_BOUNDS,
  LANE_TRANSPORTS,
  SIZE_BOUNDS,
  SIZE_BUCKETS,
} from './answer-counts.ts';

/** The labels that answers are counted under. */
export interface CountLabels {
  readonly server: string;
  readonly zone: string;
  readonly view: string;
  /** Who answered; empty where nobody did. */
  readonly plugin: string;
}

/** Types that are told of by name. */
const COUNTED = new Set<number | undefined>([
  ...Object.values(RecordType).filter((type) => type !== RecordType.OPT),
  ...['DS', 'RRSIG', 'NSEC', 'DNSKEY', 'NSEC3', 'SVCB', 'HTTPS'].map(typeNumber),
]);

/** Counts of all answers, by labels, told under CoreDNS's names. They go on over reloads. */
export class AnswerMetrics {
  readonly #counts = new Map<string, { labels: CountLabels; counts: AnswerCounts }>();

  countsFor(labels: CountLabels): AnswerCounts {
    const key = `${labels.server} ${labels.zone} ${labels.view} ${labels.plugin}`;
    let known = this.#counts.get(key);
    if (known === undefined) this.#counts.set(key, (known = { labels, counts: new AnswerCounts() }));
    return known.counts;
  }

  /** Those of every thread. */
  #parts(): { labels: CountLabels; counts: AnswerCounts }[] {
    return [...this.#counts.values()].flatMap(({ labels, counts }) =>
      counts.parts.map((part) => ({ labels, counts: part })),
    );
  }

  /** The text format of Prometheus. */
  text(): string {
    const requests = new Sums('coredns_dns_requests_total', 'Queries by zone, transport, family and type.');
    const dnssec = new Sums('coredns_dns_do_requests_total', 'Queries with the DO bit.');
    const responses = new Sums('coredns_dns_responses_total', 'Responses by code and plugin.');
    const durations = new Buckets('coredns_dns_request_duration_seconds', 'Time to answer.', DURATION_BOUNDS);
    const asked = new Buckets('coredns_dns_request_size_bytes', 'Size of queries.', SIZE_BOUNDS);
    const answered = new Buckets('coredns_dns_response_size_bytes', 'Size of responses.', SIZE_BOUNDS);
    for (const { labels, counts } of this.#parts()) {
      const { server, zone, view, plugin } = labels;
      const site = `server="${server}",view="${view}",zone="${zone}"`;
      countRequests(requests, counts, server, view, zone);
      for (const [lane, count] of counts.dnssecRequests.entries()) if (lane < 8) dnssec.add(site, count);
      for (const [rcode, count] of counts.responses.entries()) {
        const name = rcodeName(rcode) ?? String(rcode);
        responses.add(`plugin="${plugin}",rcode="${name}",${site}`, count);
      }
      durations.add(site, counts.durations, counts.durationSeconds[0] ?? 0);
      for (const [i, transport] of LANE_TRANSPORTS.entries()) {
        for (const lane of [2 * i, 2 * i + 1]) {
          const proto = `proto="${transport === 'udp' ? 'udp' : 'tcp'}",${site}`;
          const range = [lane * SIZE_BUCKETS, (lane + 1) * SIZE_BUCKETS] as const;
          asked.add(proto, counts.requestSizes.subarray(...range), counts.requestBytes[lane] ?? 0);
          answered.add(proto, counts.responseSizes.subarray(...range), counts.responseBytes[lane] ?? 0);
        }
      }
    }
    return [requests, dnssec, responses, durations, asked, answered].map((family) => family.text()).join('');
  }
}

function countRequests(sums: Sums, counts: AnswerCounts, server: string, view: string, zone: string): void {
  for (const [index, count] of counts.requests.entries()) {
    if (count === 0) continue;
    const lane = Math.floor(index / COUNTED_TYPES);
    const type = index % COUNTED_TYPES;
    const family = lane % 2 === 0 ? '1' : '2';
    const proto = LANE_TRANSPORTS[lane >> 1] === 'udp' ? 'udp' : 'tcp';
    const name = COUNTED.has(type) ? typeName(type) : 'other';
    sums.add(
      `family="${family}",proto="${proto}",server="${server}",type="${name}",view="${view}",zone="${zone}"`,
      count,
    );
  }
}

/** A counter's lines. */
class Sums {
  readonly #name: string;
  readonly #help: string;
  readonly #values = new Map<string, number>();

  constructor(name: string, help: string) {
    this.#name = name;
    this.#help = help;
  }

  add(labels: string, count: number): void {
    if (count > 0) this.#values.set(labels, (this.#values.get(labels) ?? 0) + count);
  }

  text(): string {
    if (this.#values.size === 0) return '';
    const lines = [...this.#values].map(([labels, value]) => `${this.#name}{${labels}} ${value}\n`);
    return `# HELP ${this.#name} ${this.#help}\n# TYPE ${this.#name} counter\n${lines.join('')}`;
  }
}

/** A histogram's lines. */
class Buckets {
  readonly #name: string;
  readonly #help: string;
  readonly #bounds: readonly number[];
  readonly #values = new Map<string, { counts: Float64Array; sum: number }>();

  constructor(name: string, help: string, bounds: readonly number[]) {
    this.#name = name;
    this.#help = help;
    this.#bounds = bounds;
  }

  add(labels: string, counts: Float64Array, sum: number): void {
    if (counts.every((count) => count === 0)) return;
    const known = this.#values.get(labels) ?? { counts: new Float64Array(counts.length), sum: 0 };
    for (const [i, count] of counts.entries()) known.counts[i] = (known.counts[i] ?? 0) + count;
    known.sum += sum;
    this.#values.set(labels, known);
  }

  text(): string {
    if (this.#values.size === 0) return '';
    const name = this.#name;
    const lines = [`# HELP ${name} ${this.#help}`, `# TYPE ${name} histogram`];
    for (const [labels, { counts, sum }] of this.#values) {
      let total = 0;
      for (const [i, count] of counts.entries()) {
        total += count;
        lines.push(`${name}_bucket{${labels},le="${this.#bounds[i] ?? '+Inf'}"} ${total}`);
      }
      lines.push(`${name}_sum{${labels}} ${sum}`, `${name}_count{${labels}} ${total}`);
    }
    return `${lines.join('\n')}\n`;
  }
}
