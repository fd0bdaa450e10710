import { networkInterfaces } from 'node:os';
import { isLoopbackIp, parseIp } from '#lib/ip.ts';
import type { ClusterIndex } from './cluster-index.ts';
import { clusterKey, followCluster } from './followed-cluster.ts';
import type { DnsRequest } from './handler.ts';
import type { KubernetesConfig } from './kubernetes-config.ts';
import { KubernetesHandler } from './kubernetes-handler.ts';
import { planTransfer } from './plan-transfer.ts';
import type { PluginInstance, SetupContext } from './plugin.ts';
import { searchDomains } from './resolv-conf.ts';
import { searchPathFor } from './search-path.ts';
import type { ClusterWatch } from './watch-cluster.ts';

/** Not heard of the API server for so long: another replica may know more. Watches are renewed every 10 minutes at most. */
const STALE_MS = 15 * 60_000;

/** Makes the plugin `kubernetes`: an index that follows the API server, and a handler that answers from it. */
export async function setUpKubernetes(
  config: KubernetesConfig,
  context: SetupContext,
): Promise<PluginInstance> {
  const { apiClient, log, metrics, signal, stack, server } = context;
  const cluster = await server.kept.take(`cluster ${clusterKey(config)}`, stack, () =>
    followCluster(config, { apiClient, log, metrics }),
  );
  const { indexes, watch } = cluster;
  const handler = new KubernetesHandler(config, indexes, ownAddresses(context));
  handler.synced = cluster.synced;
  cluster.onChange(signal, (lookups) => handler.changed(lookups));
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
      onChange: (listener) => cluster.onChange(signal, listener),
    },
    metadata: (request, name) => metadata(request, name, indexes.cluster),
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
