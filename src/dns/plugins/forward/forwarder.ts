import { randomInt } from 'node:crypto';
import { emptyAnswer, structured } from '#dns/finish-answer.ts';
import type { DnsAnswer, DnsRequest } from '#dns/handler.ts';
import type { SetupContext } from '#dns/plugin.ts';
import { DnsFormatError, HeaderFlag, ResponseCode, rcodeName } from '#wire/dns.ts';
import type { ForwardConfig } from './config.ts';
import { answersQuery } from './exchange.ts';
import { HealthChecks } from './health.ts';
import { planOrder } from './plan-order.ts';
import { exchangePreferTcp } from './prefer-tcp.ts';
import { Upstream } from './upstream.ts';

/** Time for one query, all tries together. */
const QUERY_MS = 5000;
/** Between rounds, so that servers that refuse at once are not asked in a busy loop. */
const FIRST_PAUSE_MS = 20;
const MAX_PAUSE_MS = 200;
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
    this.#health = new HealthChecks(config.health, signal, ({ name }) => failures.with('forward', name, ''));
  }

  /** Whether the query is for these servers. */
  matches({ query }: DnsRequest): boolean {
    const { zones, except } = this.config;
    return zones.match(query) !== undefined && except.match(query) === undefined;
  }

  async ask(request: DnsRequest): Promise<DnsAnswer> {
    const { maxConcurrent } = this.config;
    if (maxConcurrent > 0 && this.#concurrent >= maxConcurrent) {
      this.#metrics.rejects.value++;
      return emptyAnswer(ResponseCode.REFUSED);
    }
    this.#concurrent++;
    try {
      return (await this.#tryAll(request)) ?? emptyAnswer(ResponseCode.SERVFAIL);
    } finally {
      this.#concurrent--;
    }
  }

  /** Server after server, from the start again after the last, until one answers or the time is over. */
  async #tryAll(request: DnsRequest): Promise<DnsAnswer | undefined> {
    const { policy, maxFails, maxConnectAttempts, failover, failfast } = this.config;
    const order = planOrder(policy, this.#upstreams, ++this.#turn, randomInt);
    const deadlineMs = Date.now() + QUERY_MS;
    let [attempts, down] = [0, 0];
    for (let i = 0; order.length > 0 && Date.now() < deadlineMs; i++) {
      if (i % order.length === 0) down = 0;
      if (i > 0 && i % order.length === 0)
        await pause(Math.min(MAX_PAUSE_MS, FIRST_PAUSE_MS * (i / order.length)));
      let upstream = order[i % order.length];
      if (upstream?.isDown(maxFails) === true) {
        if (++down < order.length) continue;
        this.#metrics.broken.value++;
        if (failfast) return undefined;
        // All are down: checking may be what is broken.
        upstream = order[randomInt(order.length)];
      }
      if (upstream === undefined) return undefined;
      const answer = await this.#tryOne(upstream, request, deadlineMs);
      if (answer === undefined) {
        attempts++;
        if (maxConnectAttempts > 0 && attempts >= maxConnectAttempts) return undefined;
        if (down >= order.length) return undefined;
        continue;
      }
      if (failover.has(answer.rcode) && i + 1 < order.length) continue;
      return answer;
    }
    return undefined;
  }

  /** Undefined when there is no answer; the server is then checked. */
  async #tryOne(
    upstream: Upstream,
    { query, client }: DnsRequest,
    deadlineMs: number,
  ): Promise<DnsAnswer | undefined> {
    const { forceTcp, preferTcp, preferUdp, readTimeoutMs, maxFails } = this.config;
    const startedMs = performance.now();
    const timeoutMs = Math.max(1, Math.min(readTimeoutMs, deadlineMs - Date.now()));
    const overUdp = !forceTcp && (preferUdp || client.transport === 'udp');
    try {
      let response = preferTcp
        ? await exchangePreferTcp(upstream, query.message, timeoutMs, this.#metrics.stalls)
        : await upstream.exchange(query.message, overUdp ? 'udp' : 'tcp', timeoutMs);
      if (overUdp && preferUdp && (response.readUInt16BE(2) & HeaderFlag.TC) !== 0)
        response = await upstream.exchange(query.message, 'tcp', timeoutMs);
      const rcode = response.readUInt16BE(2) & 15;
      this.#metrics.durations
        .with('forward', upstream.name, rcodeName(rcode) ?? String(rcode))
        .observe((performance.now() - startedMs) / 1000);
      return answersQuery(response, query.message)
        ? readResponse(response)
        : emptyAnswer(ResponseCode.FORMERR);
    } catch {
      if (maxFails > 0) this.#health.doubt(upstream);
      return undefined;
    }
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function readResponse(response: Buffer): DnsAnswer {
  try {
    return structured(response);
  } catch (error) {
    if (error instanceof DnsFormatError) return emptyAnswer(ResponseCode.SERVFAIL);
    throw error;
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
    failures: metrics.counter('coredns_proxy_healthcheck_failures_total', 'Failed health checks.', upstream),
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
