import { RecordType, ResponseCode, typeName } from '#wire/dns.ts';
import type { Client } from './handler.ts';

/** Upper bounds in seconds, as CoreDNS has them. */
const DURATION_BUCKETS = [
  0.00025, 0.0005, 0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128, 0.256, 0.512, 1.024, 2.048, 4.096,
  8.192,
];
const RCODE_NAMES = new Map(Object.entries(ResponseCode).map(([name, code]) => [code as number, name]));
const COUNTED_TYPES = new Set<number>(Object.values(RecordType));

/** Counters of the server under CoreDNS's names. */
export class DnsMetrics {
  panics = 0;
  readonly #requests = new Map<string, number>();
  readonly #responses = new Map<number, number>();
  readonly #durations = [...DURATION_BUCKETS, Number.POSITIVE_INFINITY].map(() => 0);
  #durationSum = 0;
  readonly #gauges: (() => string[])[] = [];

  observe(client: Client, type: number, response: Buffer, durationMs: number): void {
    const label = `${client.transport}/${client.family}/${COUNTED_TYPES.has(type) ? typeName(type) : 'other'}`;
    this.#requests.set(label, (this.#requests.get(label) ?? 0) + 1);
    const rcode = (response[3] ?? 0) & 15;
    this.#responses.set(rcode, (this.#responses.get(rcode) ?? 0) + 1);
    const seconds = durationMs / 1000;
    let bucket = 0;
    while (bucket < DURATION_BUCKETS.length && seconds > (DURATION_BUCKETS[bucket] ?? 0)) bucket++;
    this.#durations[bucket] = (this.#durations[bucket] ?? 0) + 1;
    this.#durationSum += seconds;
  }

  /** Adds lines that are made when somebody looks. */
  addLines(lines: () => string[]): void {
    this.#gauges.push(lines);
  }

  /** The text format of Prometheus. */
  text(): string {
    const lines = ['# TYPE coredns_dns_requests_total counter'];
    for (const [label, count] of this.#requests) {
      const [proto, family, type] = label.split('/');
      lines.push(
        `coredns_dns_requests_total{family="${family}",proto="${proto}",server="dns://:53",type="${type}",view="",zone="."} ${count}`,
      );
    }
    lines.push('# TYPE coredns_dns_responses_total counter');
    for (const [rcode, count] of this.#responses) {
      const name = RCODE_NAMES.get(rcode) ?? String(rcode);
      lines.push(
        `coredns_dns_responses_total{plugin="",rcode="${name}",server="dns://:53",view="",zone="."} ${count}`,
      );
    }
    lines.push(
      ...this.#durationLines(),
      '# TYPE coredns_panics_total counter',
      `coredns_panics_total ${this.panics}`,
    );
    for (const gauge of this.#gauges) lines.push(...gauge());
    return `${lines.join('\n')}\n`;
  }

  #durationLines(): string[] {
    const name = 'coredns_dns_request_duration_seconds';
    const labels = 'server="dns://:53",view="",zone="."';
    const lines = [`# TYPE ${name} histogram`];
    let sum = 0;
    for (const [i, count] of this.#durations.entries()) {
      sum += count;
      lines.push(`${name}_bucket{${labels},le="${DURATION_BUCKETS[i] ?? '+Inf'}"} ${sum}`);
    }
    lines.push(`${name}_sum{${labels}} ${this.#durationSum}`, `${name}_count{${labels}} ${sum}`);
    return lines;
  }
}
