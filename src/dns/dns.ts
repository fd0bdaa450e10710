import type { ApiClient } from '#kube/client.ts';
import { queryService, unanswered } from './answer-query.ts';
import { CacheHandler } from './cache-handler.ts';
import type { DnsConfig, ListenAddress } from './config.ts';
import { ForwardHandler } from './forward-handler.ts';
import { chain } from './handler.ts';
import { KubernetesHandler } from './kubernetes-handler.ts';
import { DnsMetrics } from './metrics.ts';
import { serveStatus } from './serve-status.ts';
import { serveTcp } from './serve-tcp.ts';
import { serveUdp } from './serve-udp.ts';
import { isFamilyMissing, type Listener, type QueryService } from './transport.ts';
import { type ClusterWatch, watchCluster } from './watch-cluster.ts';

export interface DnsServer extends AsyncDisposable {
  /** Where queries are taken, with the ports chosen. */
  readonly addresses: readonly ListenAddress[];
  /** Resolves when the cluster's objects are all known. */
  readonly synced: Promise<void>;
  /** Goes unready, serves on for `lameduckMs`, then closes. */
  stop(): Promise<void>;
}

export interface DnsDependencies {
  readonly client: ApiClient;
  readonly log: (message: string) => void;
}

/** Serves cluster DNS. Resolves when it answers over UDP and TCP; rejects when a port cannot be had. */
export async function startDns(config: DnsConfig, { client, log }: DnsDependencies): Promise<DnsServer> {
  await using stack = new AsyncDisposableStack();
  const metrics = new DnsMetrics();
  const watching = new AbortController();
  stack.defer(() => watching.abort(new Error('the DNS server stopped')));

  // Answers come from the first of these that has one.
  const kubernetes = new KubernetesHandler(config.kubernetes);
  const cache = config.cacheSeconds > 0 ? [new CacheHandler(config.cacheSeconds)] : [];
  const forward = stack.use(new ForwardHandler(config.upstreams));
  const answer = queryService(chain([kubernetes, ...cache, forward], unanswered), metrics);

  // The first lists travel while the sockets are made.
  const watch = watchCluster(client, kubernetes.index, {
    signal: watching.signal,
    onError: (e) => log(e.message),
  });
  const synced = watch.synced.then(() => {
    kubernetes.synced = true;
  });
  synced.catch(() => undefined);

  // Both transports before readiness is told: clients fall back from one to the other.
  const listeners = await listenAll(config.listen, answer, stack);
  const state = { stopping: false };
  await serveStatusPages(config, { kubernetes, metrics, watch, state }, stack);
  for (const line of cache) metrics.addLines(() => cacheLines(line));

  const owned = stack.move();
  return {
    addresses: listeners.map((listener) => listener.address),
    synced,
    async stop() {
      state.stopping = true;
      await new Promise((resolve) => setTimeout(resolve, config.lameduckMs));
      await owned.disposeAsync();
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** One UDP and one TCP listener per address. A wildcard of a family that the machine lacks is left out. */
async function listenAll(
  addresses: readonly ListenAddress[],
  answer: QueryService,
  stack: AsyncDisposableStack,
): Promise<Listener[]> {
  const listeners: Listener[] = [];
  for (const address of addresses) {
    try {
      const udp = stack.use(await serveUdp(address, answer));
      stack.use(await serveTcp({ ...address, port: udp.address.port }, answer));
      listeners.push(udp);
    } catch (error) {
      if (!(addresses.length > 1 && address.address === '::' && isFamilyMissing(error))) throw error;
    }
  }
  return listeners;
}

interface StatusSources {
  readonly kubernetes: KubernetesHandler;
  readonly metrics: DnsMetrics;
  readonly watch: ClusterWatch;
  readonly state: { readonly stopping: boolean };
}

async function serveStatusPages(
  config: DnsConfig,
  { kubernetes, metrics, watch, state }: StatusSources,
  stack: AsyncDisposableStack,
): Promise<void> {
  const ready = (): boolean => kubernetes.synced && !state.stopping;
  const pages = [
    { listen: config.health, path: '/health', reply: () => ({ status: 200, body: 'OK' }) },
    {
      listen: config.ready,
      path: '/ready',
      reply: () => (ready() ? { status: 200, body: 'OK' } : { status: 503, body: 'kubernetes' }),
    },
    { listen: config.metrics, path: '/metrics', reply: () => ({ status: 200, body: metrics.text() }) },
  ];
  for (const { listen, path, reply } of pages) {
    if (listen !== undefined) stack.use(await serveStatus(listen, path, reply));
  }
  metrics.addLines(() => [
    '# TYPE portolan_dns_watch_last_contact_seconds gauge',
    `portolan_dns_watch_last_contact_seconds ${watch.lastContactMs / 1000}`,
  ]);
}

function cacheLines(cache: CacheHandler): string[] {
  return [
    '# TYPE coredns_cache_entries gauge',
    `coredns_cache_entries ${cache.size}`,
    '# TYPE coredns_cache_requests_total counter',
    `coredns_cache_requests_total ${cache.hits + cache.misses}`,
    '# TYPE coredns_cache_hits_total counter',
    `coredns_cache_hits_total ${cache.hits}`,
  ];
}
