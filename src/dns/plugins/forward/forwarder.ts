import { randomInt } from 'node:crypto';
import { emptyAnswer, structured } from '#dns/finish-answer.ts';
import type { DnsAnswer, DnsRequest } from '#dns/handler.ts';
import type { SetupContext } from '#dns/plugin.ts';
import { DnsFormatError, HeaderFlag, ResponseCode, rcodeName } from '#wire/dns.ts';
import type { ForwardConfig } from './config.ts';
import { errorText } from './error-text.ts';
import { answersQuery } from './exchange.ts';
import { HealthChecks } from './health.ts';
import { planOrder } from './plan-order.ts';
import { exchangePreferTcp } from './prefer-tcp.ts';
import { Upstream } from './upstream.ts';

/** Time for one query, all tries together. */
const QUERY_MS = 5000;
/** How often each server is tried for one query. */
const ROUNDS = 2;
const DURATION_BUCKETS = [
  0.00025, 0.0005, 0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128, 0.256, 0.512, 1.024, 2.048, 4.096,
  8.192,
];

/** One `forward` of a server block at work. */
export class Forwarder {
  readonly config: ForwardConfig;
  readonly #upstreams: readonly Upstream[];
  readonly #health: HealthChecks;
  readonly #metrics: ReturnType<typeof forwardMetrics>;
  #concurrent = 0;
  #turn = 0;

  constructor(config: ForwardConfig, { metrics, stack, signal }: SetupContext) {
    this.config = config;
    this.#upstreams = config.upstreams.map((address) => stack.use(new Upstream(address, config, metrics)));
    this.#metrics = forwardMetrics(metrics);
    const { failures } = this.#metrics;
    this.#health = new HealthChecks(config.health, signal, ({ name }) => failures.with('forward', name));
  }

  /** Whether the query is for these servers. */
  matches({ query }: DnsRequest): boolean {
    const { zones, except } = this.config;
    if (zones.match(query) === undefined) return false;
    // The zone itself is asked about, whatever is excepted.
    return except.match(query) === undefined || query.key.slice(0, -4) === zones.zones[0]?.key;
  }

  async ask(request: DnsRequest): Promise<DnsAnswer> {
    const { maxConcurrent } = this.config;
    if (maxConcurrent > 0 && this.#concurrent >= maxConcurrent) {
      this.#metrics.rejects.value++;
      const error = `concurrent queries exceeded maximum ${maxConcurrent}`;
      return { ...emptyAnswer(ResponseCode.REFUSED), error };
    }
    this.#concurrent++;
    try {
      return await this.#tryAll(request);
    } finally {
      this.#concurrent--;
    }
  }

  /** Server after server, and once more from the start, until one answers or the time is over. */
  async #tryAll(request: DnsRequest): Promise<DnsAnswer> {
    const { policy, maxFails, maxConnectAttempts, failover, failfast } = this.config;
    const order = planOrder(policy, this.#upstreams, ++this.#turn, randomInt);
    const deadlineMs = Date.now() + QUERY_MS;
    let error = 'no healthy proxies';
    // Servers that are down, and answers that are as good as none.
    let [fails, attempts] = [0, 0];
    for (let i = 0; i < ROUNDS * order.length && Date.now() < deadlineMs; i++) {
      let upstream = order[i % order.length];
      if (upstream?.isDown(maxFails) === true) {
        if (++fails < order.length) continue;
        this.#metrics.broken.value++;
        if (failfast) break;
        // All are down: checking may be what is broken.
        upstream = order[randomInt(order.length)];
      }
      if (upstream === undefined) break;
      const answer = await this.#tryOne(upstream, request, deadlineMs);
      if (typeof answer === 'string') {
        error = answer;
        if (++attempts === maxConnectAttempts || fails >= order.length) break;
      } else if (!failover.has(answer.rcode) || ++fails >= order.length) return answer;
    }
    return { ...emptyAnswer(ResponseCode.SERVFAIL), error };
  }

  /** What went wrong when there is no answer; the server is then checked. */
  async #tryOne(
    upstream: Upstream,
    { query, client, notes }: DnsRequest,
    deadlineMs: number,
  ): Promise<DnsAnswer | string> {
    notes?.set('forward/upstream', upstream.name);
    const { forceTcp, preferTcp, preferUdp, readTimeoutMs, maxFails } = this.config;
    const timeoutMs = Math.max(1, Math.min(readTimeoutMs, deadlineMs - Date.now()));
    const overUdp = !forceTcp && (preferUdp || client.transport === 'udp');
    const transport = overUdp ? 'udp' : 'tcp';
    try {
      let response = preferTcp
        ? await this.#timed(upstream, () =>
            exchangePreferTcp(upstream, query.message, timeoutMs, this.#metrics.stalls),
          )
        : await this.#timed(upstream, () => upstream.exchange(query.message, transport, timeoutMs));
      if (overUdp && preferUdp && (response.readUInt16BE(2) & HeaderFlag.TC) !== 0)
        response = await this.#timed(upstream, () => upstream.exchange(query.message, 'tcp', timeoutMs));
      return answersQuery(response, query.message)
        ? readResponse(response, upstream.name)
        : emptyAnswer(ResponseCode.FORMERR);
    } catch (error) {
      if (maxFails > 0) this.#health.doubt(upstream);
      return errorText(error as Error, upstream.protocol(transport), upstream.name);
    }
  }

  async #timed(upstream: Upstream, exchange: () => Promise<Buffer>): Promise<Buffer> {
    const startedMs = performance.now();
    const response = await exchange();
    const rcode = response.readUInt16BE(2) & 15;
    this.#metrics.durations
      .with('forward', upstream.name, rcodeName(rcode) ?? String(rcode))
      .observe((performance.now() - startedMs) / 1000);
    return response;
  }
}

function readResponse(response: Buffer, from: string): DnsAnswer {
  try {
    return structured(response);
  } catch (error) {
    if (!(error instanceof DnsFormatError)) throw error;
    return { ...emptyAnswer(ResponseCode.SERVFAIL), error: `bad answer from ${from}: ${error.message}` };
  }
}

/** Their names are CoreDNS's. */
function forwardMetrics(metrics: SetupContext['metrics']) {
  const upstream = ['proxy_name', 'to', 'rcode'];
  return {
    durations: metrics.histogram(
      'coredns_proxy_request_duration_seconds',
      'Time each request took.',
      upstream,
      DURATION_BUCKETS,
    ),
    failures: metrics.counter('coredns_proxy_healthcheck_failures_total', 'Failed health checks.', [
      'proxy_name',
      'to',
    ]),
    broken: metrics
      .counter('coredns_forward_healthcheck_broken_total', 'Queries that found all upstreams down.')
      .with(),
    stalls: metrics.counter('portolan_forward_tcp_stalls_total', 'Tries over TCP that nobody answered.', [
      'to',
    ]),
    rejects: metrics
      .counter('coredns_forward_max_concurrent_rejects_total', 'Queries rejected as one too many.')
      .with(),
  };
}
