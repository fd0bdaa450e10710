import { readFileSync } from 'node:fs';
import { createSecureContext, type SecureContext } from 'node:tls';
import type { MetricRegistry } from '#dns/metric-registry.ts';
import { formatAddressPort } from '#lib/ip.ts';
import type { ForwardConfig } from './config.ts';
import type { ConnectionCounter, Exchanger } from './exchange.ts';
import { HttpsExchanger } from './exchange-https.ts';
import { StreamExchanger } from './exchange-stream.ts';
import { UdpExchanger } from './exchange-udp.ts';
import type { UpstreamAddress } from './upstream-address.ts';

/** One server, with a way to it for each transport that queries may take. */
export class Upstream implements Disposable {
  /** Address and port, as metrics name it. */
  readonly name: string;
  /** Checks that failed since one last went well. */
  fails = 0;
  /** Time (`Date.now()`) until which it is not asked over TCP where UDP will do. */
  tcpStalledUntilMs = 0;
  readonly #datagram: Exchanger;
  readonly #stream: Exchanger;
  readonly #checkTransport: 'udp' | 'tcp';
  #counts = true;

  constructor(address: UpstreamAddress, config: ForwardConfig, metrics: MetricRegistry) {
    this.name = formatAddressPort(address.address, address.port);
    this.#checkTransport = config.forceTcp ? 'tcp' : 'udp';
    const counter = (protocol: string): ConnectionCounter => {
      const counted = connectionCounter(metrics, this.name, protocol);
      return { hit: () => this.#counts && counted.hit(), miss: () => this.#counts && counted.miss() };
    };
    const context = lazyContext(config);
    const serverName = address.serverName ?? config.tlsServerName;
    const { expireMs, maxAgeMs, maxIdleConnections } = config;
    if (address.scheme === 'https') {
      const { path = '/dns-query' } = address;
      const method = config.dohMethod;
      this.#stream = new HttpsExchanger({
        ...address,
        path,
        method,
        expireMs,
        maxAgeMs,
        context,
        serverName,
      });
      this.#datagram = this.#stream;
      return;
    }
    const tls = address.scheme === 'tls' ? { context, serverName } : undefined;
    const protocol = tls === undefined ? 'tcp' : 'tcp-tls';
    this.#stream = new StreamExchanger({
      ...address,
      expireMs,
      maxAgeMs,
      maxIdleConnections,
      tls,
      counter: counter(protocol),
    });
    this.#datagram = tls === undefined ? new UdpExchanger(address, counter('udp')) : this.#stream;
  }

  /** Rejects when there is no answer in time. TLS and HTTPS servers are asked over these whatever is wanted. */
  exchange(query: Buffer, transport: 'udp' | 'tcp', timeoutMs: number): Promise<Buffer> {
    return (transport === 'udp' ? this.#datagram : this.#stream).exchange(query, timeoutMs);
  }

  /** A health check: like `exchange()`, but connections are not counted. */
  check(query: Buffer, timeoutMs: number): Promise<Buffer> {
    // They are, before the first wait.
    this.#counts = false;
    const response = this.exchange(query, this.#checkTransport, timeoutMs);
    this.#counts = true;
    return response;
  }

  /** The protocol that a transport stands for here. */
  protocol(transport: 'udp' | 'tcp'): string {
    return (transport === 'udp' ? this.#datagram : this.#stream).protocol;
  }

  isDown(maxFails: number): boolean {
    return maxFails > 0 && this.fails >= maxFails;
  }

  [Symbol.dispose](): void {
    this.#datagram[Symbol.dispose]();
    this.#stream[Symbol.dispose]();
  }
}

function connectionCounter(metrics: MetricRegistry, to: string, protocol: string): ConnectionCounter {
  const labels = ['proxy_name', 'to', 'proto'];
  const hits = metrics.counter('coredns_proxy_conn_cache_hits_total', 'Connections used again.', labels);
  const misses = metrics.counter('coredns_proxy_conn_cache_misses_total', 'Connections opened.', labels);
  return {
    hit: () => void hits.with('forward', to, protocol).value++,
    miss: () => void misses.with('forward', to, protocol).value++,
  };
}

/** Certificates are read at the first connection. */
function lazyContext({ tls }: ForwardConfig): () => SecureContext {
  let context: SecureContext | undefined;
  const pem = (file: string | undefined): Buffer | undefined =>
    file === undefined ? undefined : readFileSync(file);
  return () => {
    context ??= createSecureContext({ cert: pem(tls.cert), key: pem(tls.key), ca: pem(tls.ca) });
    return context;
  };
}
