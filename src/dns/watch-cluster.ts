import type { Service } from '#api/core/v1.gen.ts';
import type { EndpointSlice } from '#api/discovery/v1.gen.ts';
import { type KubeObject, keyOf } from '#api/machinery/object.ts';
import type { ApiClient } from '#kube/client.ts';
import { type Informer, type InformerOptions, startInformer } from '#kube/informer.ts';
import { ENDPOINT_SLICES, NAMESPACES, PODS, type Resource, resource, SERVICES } from '#kube/resources.ts';
import type { KubernetesConfig } from './kubernetes-config.ts';
import type { ClusterIndexes } from './kubernetes-handler.ts';
import {
  planImportEntry,
  planPodEntry,
  planServiceEntry,
  planSliceEntry,
  type ServiceImport,
} from './plan-entries.ts';
import { trimPod, trimService, trimSlice } from './plan-trim.ts';

export interface ClusterWatch {
  /** Resolves when everything that was there at the start is in the indexes. */
  readonly synced: Promise<void>;
  /** When the server was last heard on the watch heard longest ago, in ms since 1970. */
  readonly lastContactMs: number;
}

export interface WatchOptions {
  readonly signal: AbortSignal;
  readonly onError: (error: Error) => void;
  /** Told of each slice that changed after the first list, once its new answers are in force. */
  readonly onSlice?: ((slice: EndpointSlice) => void) | undefined;
}

const SERVICE_IMPORTS: Resource<ServiceImport> = resource(
  'multicluster.x-k8s.io',
  'v1alpha1',
  'ServiceImport',
  'serviceimports',
  true,
);
/** Pods that are over have no names. */
const LIVING_PODS = 'status.phase!=Succeeded,status.phase!=Failed,status.phase!=Unknown';

type Followed = Pick<Informer<never>, 'synced' | 'lastContactMs'>;

/** Keeps the indexes as the API server has it, until the signal fires. */
export function watchCluster(
  client: ApiClient,
  { cluster, imported }: ClusterIndexes,
  config: KubernetesConfig,
  options: WatchOptions,
): ClusterWatch {
  const { signal, onError } = options;
  const labelled = { signal, onError, labelSelector: config.labels };
  const exposed = (namespace = ''): boolean =>
    config.namespaces.size === 0 || config.namespaces.has(namespace);
  const trimmed = (service: Service): Service => trimService(service, config.externals);
  const all: Followed[] = [
    follow(
      client,
      NAMESPACES,
      { signal, onError, labelSelector: config.namespaceLabels },
      ({ metadata }, there) => {
        const name = metadata?.name ?? '';
        for (const index of [cluster, imported]) index.setNamespace(name, there && exposed(name));
      },
    ),
    follow(client, SERVICES, { ...labelled, transform: trimmed }, (service, there) => {
      const entry = planServiceEntry(service);
      if (exposed(entry.namespace))
        cluster.setService(entry.namespace, entry.name, there ? entry : undefined);
    }),
  ];
  if (config.endpoints) all.push(followSlices(client, { cluster, imported }, config, options, exposed));
  if (config.pods === 'verified') {
    // Zones of ServiceImports have the same pods.
    const podIndexes = config.multicluster.length > 0 ? [cluster, imported] : [cluster];
    all.push(
      follow(client, PODS, { ...labelled, fieldSelector: LIVING_PODS, transform: trimPod }, (pod, there) => {
        const entry = there ? planPodEntry(pod) : undefined;
        // One that is ending keeps its name until it is gone.
        if (there && pod.metadata?.deletionTimestamp !== undefined) return;
        for (const index of podIndexes) index.setPod(keyOf(pod), entry);
      }),
    );
  }
  if (config.multicluster.length > 0) {
    all.push(
      follow(client, SERVICE_IMPORTS, { signal, onError }, (object, there) => {
        const entry = planImportEntry(object);
        imported.setService(entry.namespace, entry.name, there ? entry : undefined);
      }),
    );
  }
  return {
    synced: Promise.all(all.map((informer) => informer.synced)).then(() => undefined),
    get lastContactMs() {
      return Math.min(...all.map((informer) => informer.lastContactMs));
    },
  };
}

function followSlices(
  client: ApiClient,
  { cluster, imported }: ClusterIndexes,
  config: KubernetesConfig,
  { signal, onError, onSlice }: WatchOptions,
  exposed: (namespace?: string) => boolean,
): Followed {
  const podNames = config.endpointPodNames;
  const options = { signal, onError, labelSelector: config.labels, transform: trimSlice };
  const slices = follow(client, ENDPOINT_SLICES, options, (slice, there) => {
    if (!exposed(slice.metadata?.namespace)) return;
    const key = keyOf(slice);
    cluster.setSlice(key, there ? planSliceEntry(slice, { podNames }) : undefined);
    if (config.multicluster.length > 0)
      imported.setSlice(key, there ? planSliceEntry(slice, { podNames, imported: true }) : undefined);
    if (slices.hasSynced) onSlice?.(slice);
  });
  return slices;
}

/** Calls `set` for every object there is, and for every one that is no longer. */
function follow<T extends KubeObject>(
  client: ApiClient,
  kind: Resource<T>,
  options: InformerOptions<T>,
  set: (object: T, there: boolean) => void,
): Informer<T> {
  const informer = startInformer(client, kind, { ...options, streaming: true });
  informer.onChange({
    onAdd: (object) => set(object, true),
    onUpdate: (object) => set(object, true),
    onDelete: (object) => set(object, false),
  });
  return informer;
}
