import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { EndpointSlice } from '#api/discovery/v1.gen.ts';
import { ApiClient, type ClientConfig } from '#kube/client.ts';
import { loadKubeconfig } from '#kube/kubeconfig.ts';
import { ClusterIndex } from './cluster-index.ts';
import type { ClusterAccess, KubernetesConfig } from './kubernetes-config.ts';
import type { ClusterIndexes } from './kubernetes-handler.ts';
import type { SetupContext } from './plugin.ts';
import { programmingLatency } from './programming-latency.ts';
import { type ClusterWatch, watchCluster } from './watch-cluster.ts';
import { WatchTroubles } from './watch-troubles.ts';

/** A cluster's objects, kept as the API server has them. It belongs to no configuration: a reload hands it on. */
export interface FollowedCluster extends AsyncDisposable {
  readonly indexes: ClusterIndexes;
  readonly watch: ClusterWatch;
  /** Whether everything that was there at the start is in the indexes. */
  readonly synced: boolean;
  /** Tells of look-ups, as by `lookupKey`, whose results have changed, until the signal fires. */
  onChange(signal: AbortSignal, listener: (lookups: readonly string[]) => void): void;
}

type Parts = Pick<SetupContext, 'apiClient' | 'log' | 'metrics'>;

/** The same for configurations that follow the same objects of the same API server by the same credentials. */
export function clusterKey(config: KubernetesConfig): string {
  const { access, endpoints, pods, endpointPodNames, externals, namespaceLabels, labels } = config;
  const { tls, kubeconfig } = access;
  const files = [tls?.cert, tls?.key, tls?.ca, kubeconfig].map((file) => file && digestOf(file));
  const watched = { endpoints, pods: pods === 'verified', imports: config.multicluster.length > 0 };
  const namespaces = [...config.namespaces].toSorted();
  return JSON.stringify([
    access,
    files,
    watched,
    endpointPodNames,
    externals,
    namespaces,
    namespaceLabels,
    labels,
  ]);
}

export async function followCluster(config: KubernetesConfig, parts: Parts): Promise<FollowedCluster> {
  await using stack = new AsyncDisposableStack();
  const client = await clientFor(config.access, parts, stack);
  const listeners = new Set<(lookups: readonly string[]) => void>();
  const tell = (lookups: readonly string[]): void => {
    for (const listener of listeners) listener(lookups);
  };
  const indexes: ClusterIndexes = { cluster: new ClusterIndex(tell), imported: new ClusterIndex(tell) };
  const latency = programmingLatency(parts.metrics);
  const troubles = stack.use(new WatchTroubles(parts.log));
  const ending = new AbortController();
  stack.defer(() => ending.abort(new Error('nobody wants to know of the cluster any more')));
  const watch = watchCluster(client, indexes, config, {
    signal: ending.signal,
    onError: (kind, error) => troubles.failed(kind, error),
    onSlice: (slice: EndpointSlice) => latency(slice, indexes.cluster),
  });
  let synced = false;
  void watch.synced.then(
    () => {
      synced = true;
    },
    () => undefined,
  );
  const owned = stack.move();
  return {
    indexes,
    watch,
    get synced() {
      return synced;
    },
    onChange(signal, listener) {
      listeners.add(listener);
      signal.addEventListener('abort', () => listeners.delete(listener), { once: true });
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

async function clientFor(
  { endpoint, tls, kubeconfig, context }: ClusterAccess,
  parts: Parts,
  stack: AsyncDisposableStack,
): Promise<ApiClient> {
  const onResponse = requestCounter(parts.metrics);
  if (kubeconfig !== undefined) {
    const config = await loadKubeconfig({ path: kubeconfig, context });
    return stack.use(new ApiClient({ ...config, onResponse }));
  }
  if (endpoint === undefined) return parts.apiClient(onResponse);
  const files = tls && {
    cert: readFileSync(tls.cert, 'utf8'),
    key: readFileSync(tls.key, 'utf8'),
    ca: readFileSync(tls.ca, 'utf8'),
  };
  return stack.use(new ApiClient({ server: endpoint, ...files, onResponse }));
}

function requestCounter(metrics: SetupContext['metrics']): ClientConfig['onResponse'] {
  const requests = metrics.counter(
    'coredns_kubernetes_rest_client_requests_total',
    'Answers of the API server.',
    ['code', 'method', 'host'],
  );
  return ({ method, host, status }) => {
    requests.with(String(status), method, host).value++;
  };
}

/** Of what cannot be read: whoever uses it says so. */
function digestOf(file: string): string {
  try {
    return createHash('sha256').update(readFileSync(file)).digest('hex');
  } catch {
    return '';
  }
}
