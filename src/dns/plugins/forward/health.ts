import type { Metric } from '#dns/metric-registry.ts';
import { pause } from '#dns/pause.ts';
import { CLASS_IN, encodeQuery, HeaderFlag, RecordType } from '#wire/dns.ts';
import type { HealthCheck } from './config.ts';
import type { Upstream } from './upstream.ts';

const TIMEOUT_MS = 1000;

/**
 * Checks servers that failed a query, each until it answers again: any answer at all will do. A server that
 * nobody doubts is not checked.
 */
export class HealthChecks {
  readonly #check: HealthCheck;
  readonly #signal: AbortSignal;
  readonly #failures: (upstream: Upstream) => Metric;
  readonly #running = new Set<Upstream>();

  constructor(check: HealthCheck, signal: AbortSignal, failures: (upstream: Upstream) => Metric) {
    this.#check = check;
    this.#signal = signal;
    this.#failures = failures;
  }

  /** Begins to check a server, unless it is checked already. */
  doubt(upstream: Upstream): void {
    if (this.#running.has(upstream) || this.#signal.aborted) return;
    this.#running.add(upstream);
    void this.#untilWell(upstream).finally(() => this.#running.delete(upstream));
  }

  async #untilWell(upstream: Upstream): Promise<void> {
    const { domain, recursionDesired, intervalMs } = this.#check;
    const question = { name: domain, type: RecordType.NS, class: CLASS_IN };
    const query = encodeQuery(0, question, recursionDesired ? HeaderFlag.RD : 0);
    while (!this.#signal.aborted) {
      try {
        await upstream.check(query, TIMEOUT_MS);
        upstream.fails = 0;
        return;
      } catch {
        upstream.fails++;
        this.#failures(upstream).value++;
      }
      await pause(intervalMs, this.#signal);
    }
  }
}
