import type { Service } from '#api/core/v1.gen.ts';
import type { EndpointSlice } from '#api/discovery/v1.gen.ts';
import { type KubeObject, keyOf } from '#api/machinery/object.ts';
import type { ApiClient } from '#kube/client.ts';
import { StatusError } from '#kube/errors.ts';
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
import type { FollowedKind } from './watch-troubles.ts';

export interface ClusterWatch {
  /** Resolves when everything that was there at the start is in the indexes. */
  readonly synced: Promise<void>;
  /** When the server was last heard on the watch heard longest ago, in ms since 1970. */
  readonly lastContactMs: number;
  /** What has not come yet, such as `services`. */
  readonly missing: readonly string[];
}

export interface WatchOptions {
  readonly signal: AbortSignal;
  /** Told of every failure, each of which is tried again. */
  readonly onError: (kind: FollowedKind, error: Error) => void;
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

type Followed = FollowedKind & Pick<Informer<never>, 'synced' | 'hasSynced'>;

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
  if (config.multicluster.length > 0) all.push(followImports(client, imported, options));
  return {
    synced: Promise.all(all.map((followed) => followed.synced)).then(() => undefined),
    get lastContactMs() {
      return Math.min(...all.map((followed) => followed.lastContactMs));
    },
    get missing() {
      return all.filter((followed) => !followed.hasSynced).map(({ name }) => name);
    },
  };
}

/** An API server that does not know the kind has no such objects: nothing waits for them, until it learns it. */
function followImports(
  client: ApiClient,
  imported: ClusterIndexes['imported'],
  { signal, onError }: WatchOptions,
): Followed {
  const unknown = Promise.withResolvers<void>();
  let unknownMs = 0;
  const failed = (kind: FollowedKind, error: Error): void => {
    if (error instanceof StatusError && error.code === 404) {
      unknownMs = Date.now();
      unknown.resolve();
    }
    onError(kind, error);
  };
  const followed = follow(client, SERVICE_IMPORTS, { signal, onError: failed }, (object, there) => {
    const entry = planImportEntry(object);
    imported.setService(entry.namespace, entry.name, there ? entry : undefined);
  });
  return {
    name: followed.name,
    synced: Promise.race([followed.synced, unknown.promise]),
    get hasSynced() {
      return followed.hasSynced || unknownMs > 0;
    },
    get lastContactMs() {
      return Math.max(followed.lastContactMs, unknownMs);
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
  { onError, ...options }: Omit<InformerOptions<T>, 'onError'> & Pick<WatchOptions, 'onError'>,
  set: (object: T, there: boolean) => void,
): Followed {
  const failed = (error: Error): void => onError(followed, error);
  const informer = startInformer(client, kind, { ...options, onError: failed, streaming: true });
  const followed: Followed = {
    name: kind.group === '' ? kind.plural : `${kind.plural}.${kind.group}`,
    synced: informer.synced,
    get hasSynced() {
      return informer.hasSynced;
    },
    get lastContactMs() {
      return informer.lastContactMs;
    },
  };
  informer.onChange({
    onAdd: (object) => set(object, true),
    onUpdate: (object) => set(object, true),
    onDelete: (object) => set(object, false),
  });
  return followed;
}
