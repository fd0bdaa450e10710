import type { MetricFamily } from '#dns/metric-registry.ts';
import { HeaderFlag } from '#wire/dns.ts';
import type { Upstream } from './upstream.ts';

/** How long a server is asked over UDP after it did not answer over TCP. */
const STALL_MS = 10_000;

/**
 * Asks over TCP, and over UDP in half of the time when nothing comes. A truncated answer is asked for over TCP after
 * all; without one there it is better than nothing. Rejects when there is no answer over either.
 */
export async function exchangePreferTcp(
  upstream: Pick<Upstream, 'name' | 'exchange' | 'tcpStalledUntilMs'>,
  query: Buffer,
  timeoutMs: number,
  stalls: MetricFamily,
): Promise<Buffer> {
  const deadlineMs = Date.now() + timeoutMs;
  if (Date.now() >= upstream.tcpStalledUntilMs) {
    try {
      return await upstream.exchange(query, 'tcp', timeoutMs / 2);
    } catch {
      upstream.tcpStalledUntilMs = Date.now() + STALL_MS;
      stalls.with(upstream.name).value++;
    }
  }
  const leftMs = (): number => Math.max(1, deadlineMs - Date.now());
  const response = await upstream.exchange(query, 'udp', leftMs());
  if ((response.readUInt16BE(2) & HeaderFlag.TC) === 0) return response;
  return upstream.exchange(query, 'tcp', leftMs()).catch(() => response);
}
