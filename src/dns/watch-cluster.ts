import type { EndpointSlice } from '#api/discovery/v1.gen.ts';
import type { ApiClient } from '#kube/client.ts';
import { type Informer, startInformer } from '#kube/informer.ts';
import { ENDPOINT_SLICES, NAMESPACES, SERVICES } from '#kube/resources.ts';
import type { ClusterIndex } from './cluster-index.ts';
import { planServiceEntry, planSliceEntry } from './plan-entries.ts';
import { trimService, trimSlice } from './plan-trim.ts';

export interface ClusterWatch {
  /** Resolves when everything that was there at the start is in the index. */
  readonly synced: Promise<void>;
  /** When the server was last heard on the watch heard longest ago, in ms since 1970. */
  readonly lastContactMs: number;
}

/** Keeps the index as the API server has it, until the signal fires. */
export function watchCluster(
  client: ApiClient,
  index: ClusterIndex,
  { signal, onError }: { signal: AbortSignal; onError: (error: Error) => void },
): ClusterWatch {
  const options = { signal, onError, streaming: true };
  const namespaces = startInformer(client, NAMESPACES, options);
  const services = startInformer(client, SERVICES, { ...options, transform: trimService });
  const slices = startInformer(client, ENDPOINT_SLICES, { ...options, transform: trimSlice });
  namespaces.onChange({
    onAdd: ({ metadata }) => index.setNamespace(metadata?.name ?? '', true),
    onDelete: ({ metadata }) => index.setNamespace(metadata?.name ?? '', false),
  });
  const setService = (service: Parameters<typeof planServiceEntry>[0]): void => {
    const entry = planServiceEntry(service);
    index.setService(entry.namespace, entry.name, entry);
  };
  services.onChange({
    onAdd: setService,
    onUpdate: setService,
    onDelete: ({ metadata }) => index.setService(metadata?.namespace ?? '', metadata?.name ?? '', undefined),
  });
  const setSlice = (slice: EndpointSlice): void => index.setSlice(sliceKey(slice), planSliceEntry(slice));
  slices.onChange({
    onAdd: setSlice,
    onUpdate: setSlice,
    onDelete: (slice) => index.setSlice(sliceKey(slice), undefined),
  });
  const all: readonly Pick<Informer<never>, 'synced' | 'lastContactMs'>[] = [namespaces, services, slices];
  return {
    synced: Promise.all(all.map((informer) => informer.synced)).then(() => undefined),
    get lastContactMs() {
      return Math.min(...all.map((informer) => informer.lastContactMs));
    },
  };
}

function sliceKey({ metadata }: EndpointSlice): string {
  return `${metadata?.namespace}/${metadata?.name}`;
}
