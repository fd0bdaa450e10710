import { networkInterfaces } from 'node:os';
import type { EndpointSlice } from '#api/discovery/v1.gen.ts';
import { ApiClient, type ClientConfig } from '#kube/client.ts';
import { loadKubeconfig } from '#kube/kubeconfig.ts';
import { isLoopbackIp, parseIp } from '#lib/ip.ts';
import { ClusterIndex } from './cluster-index.ts';
import type { DnsRequest } from './handler.ts';
import type { KubernetesConfig } from './kubernetes-config.ts';
import { type ClusterIndexes, KubernetesHandler } from './kubernetes-handler.ts';
import { planTransfer } from './plan-transfer.ts';
import type { PluginInstance, SetupContext } from './plugin.ts';
import { programmingLatency } from './programming-latency.ts';
import { searchDomains } from './resolv-conf.ts';
import { searchPathFor } from './search-path.ts';
import { type ClusterWatch, watchCluster } from './watch-cluster.ts';
import { WatchTroubles } from './watch-troubles.ts';

/** Not heard of the API server for so long: another replica may know more. Watches are renewed every 10 minutes at most. */
const STALE_MS = 15 * 60_000;

/** Makes the plugin `kubernetes`: an index that follows the API server, and a handler that answers from it. */
export async function setUpKubernetes(
  config: KubernetesConfig,
  context: SetupContext,
  readFiles: () => { cert?: string; key?: string; ca?: string },
): Promise<PluginInstance> {
  const listeners: ((lookups: readonly string[]) => void)[] = [];
  const indexes: ClusterIndexes = {
    cluster: new ClusterIndex((lookups) => {
      handler.changed(lookups);
      for (const listener of listeners) listener(lookups);
    }),
    imported: new ClusterIndex((lookups) => handler.changed(lookups)),
  };
  const handler = new KubernetesHandler(config, indexes, ownAddresses(context));
  const client = await clientFor(config, context, readFiles);
  const latency = programmingLatency(context.metrics);
  const onSlice = (slice: EndpointSlice): void => latency(slice, indexes.cluster);
  const troubles = context.stack.use(new WatchTroubles(context.log));
  const watch = watchCluster(client, indexes, config, {
    signal: context.signal,
    onError: (kind, error) => troubles.failed(kind, error),
    onSlice,
  });
  const synced = watch.synced.then(() => {
    handler.synced = true;
  });
  synced.catch(() => undefined);
  tellContact(context, watch);
  const hostSearch = searchDomains();
  return {
    name: 'kubernetes',
    handle: (request, next) => handler.handle(request, next),
    expressZones: config.zones.map(({ key }) => key),
    ready: () => handler.synced && Date.now() - watch.lastContactMs < STALE_MS,
    start: () => waited(watch, synced, config.startupTimeoutMs, context),
    transfer: (zone) => planTransfer(zone, config, indexes, handler.planOptions),
    searchPath: (request) =>
      config.pods === 'verified' ? searchPathFor(request, handler, indexes.cluster, hostSearch) : undefined,
    cluster: {
      index: indexes.cluster,
      get synced() {
        return handler.synced;
      },
      get planOptions() {
        return handler.planOptions;
      },
      onChange: (listener) => void listeners.push(listener),
    },
    metadata: (request, name) => metadata(request, name, indexes.cluster),
  };
}

async function clientFor(
  { access }: KubernetesConfig,
  context: SetupContext,
  readFiles: () => { cert?: string; key?: string; ca?: string },
): Promise<ApiClient> {
  const { endpoint, kubeconfig, context: kubeContext } = access;
  const onResponse = requestCounter(context);
  if (kubeconfig !== undefined) {
    const config = await loadKubeconfig({ path: kubeconfig, context: kubeContext });
    return context.stack.use(new ApiClient({ ...config, onResponse }));
  }
  if (endpoint !== undefined)
    return context.stack.use(new ApiClient({ server: endpoint, ...readFiles(), onResponse }));
  return context.apiClient(onResponse);
}

function requestCounter({ metrics }: SetupContext): ClientConfig['onResponse'] {
  const requests = metrics.counter(
    'coredns_kubernetes_rest_client_requests_total',
    'Answers of the API server.',
    ['code', 'method', 'host'],
  );
  return ({ method, host, status }) => {
    requests.with(String(status), method, host).value++;
  };
}

/** The first lists, unless they take longer than may be waited for. */
async function waited(
  watch: ClusterWatch,
  synced: Promise<void>,
  timeoutMs: number,
  { log, signal }: SetupContext,
): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<'late'>();
  const timer = setTimeout(() => resolve('late'), timeoutMs);
  signal.addEventListener('abort', () => resolve('late'), { once: true });
  const late = (await Promise.race([synced, promise]).catch(() => undefined)) === 'late';
  clearTimeout(timer);
  if (!late || signal.aborted) return;
  const missing = watch.missing.join(', ');
  log(
    `starting without ${missing}, which have not come in ${timeoutMs / 1000} s: names that may exist are SERVFAIL`,
    'WARNING',
  );
  void synced.then(
    () => log(`all objects are there now`),
    () => undefined,
  );
}

function tellContact({ metrics, signal }: SetupContext, watch: ClusterWatch): void {
  const gauge = metrics.gauge(
    'portolan_dns_watch_last_contact_seconds',
    'When the API server was last heard on the watch heard longest ago, since 1970.',
  );
  gauge.onCollect(signal, () => {
    gauge.with().value = watch.lastContactMs / 1000;
  });
}

/** By which the Service is found that the server is reached by: what it is bound to, else the machine's. */
function ownAddresses({ bound }: SetupContext): string[] {
  const all = Object.values(networkInterfaces()).flatMap((entries) => entries ?? []);
  return (bound ?? all.map(({ address }) => address))
    .map((address) => parseIp(address))
    .filter((address) => address !== undefined)
    .filter((address) => !isLoopbackIp(address));
}

function metadata({ client }: DnsRequest, name: string, index: ClusterIndex): string | undefined {
  if (name !== 'kubernetes/client-namespace' && name !== 'kubernetes/client-pod-name') return undefined;
  const [pod] = index.podsByIp(parseIp(client.address) ?? '');
  return name === 'kubernetes/client-namespace' ? pod?.namespace : pod?.name;
}
