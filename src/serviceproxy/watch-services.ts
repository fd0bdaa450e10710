import type { Node, Service } from '#api/core/v1.gen.ts';
import type { EndpointSlice } from '#api/discovery/v1.gen.ts';
import type { ApiClient } from '#kube/client.ts';
import { type Informer, startInformer } from '#kube/informer.ts';
import { ENDPOINT_SLICES, NODES, SERVICES } from '#kube/resources.ts';
import type { NodeTopology } from './plan-endpoints.ts';

const SERVICE_NAME_LABEL = 'kubernetes.io/service-name';
const ZONE_LABEL = 'topology.kubernetes.io/zone';
/** A node that the cluster autoscaler is about to remove. */
const TO_BE_DELETED_TAINT = 'ToBeDeletedByClusterAutoscaler';

export interface ServiceWatch {
  /** Resolves when Services, slices and the node are all known. */
  readonly synced: Promise<void>;
  readonly services: Informer<Service>;
  slicesOf(serviceKey: string): EndpointSlice[];
  topology(): NodeTopology;
  nodeEligible(): boolean;
}

export interface WatchHandlers {
  readonly signal: AbortSignal;
  readonly onError: (error: Error) => void;
  /** Something of this Service (`NAMESPACE/NAME`) or of its slices changed. */
  readonly onService: (key: string) => void;
  /** The node's zone changed, which may concern every Service. */
  readonly onTopology: () => void;
}

/** Follows what decides where Services lead. Changes are told only once everything is known. */
export function watchServices(client: ApiClient, nodeName: string, handlers: WatchHandlers): ServiceWatch {
  const { signal, onError } = handlers;
  const services = startInformer(client, SERVICES, { signal, onError });
  const slices = startInformer(client, ENDPOINT_SLICES, {
    signal,
    onError,
    indexes: { service: serviceKeysOf },
  });
  const nodes = startInformer(client, NODES, { signal, onError, fieldSelector: `metadata.name=${nodeName}` });
  const node = (): Node | undefined => nodes.store.get(nodeName);
  const topology = (): NodeTopology => ({ nodeName, zone: node()?.metadata?.labels?.[ZONE_LABEL] });

  const synced = Promise.all([services.synced, slices.synced, nodes.synced]).then(() => {
    const service = ({ metadata }: Service): void =>
      handlers.onService(`${metadata?.namespace}/${metadata?.name}`);
    const slice = (object: EndpointSlice, old?: EndpointSlice): void => {
      const keys = new Set([...serviceKeysOf(object), ...(old === undefined ? [] : serviceKeysOf(old))]);
      for (const key of keys) handlers.onService(key);
    };
    services.onChange({ onUpdate: service, onDelete: service, onAdd: service });
    slices.onChange({ onUpdate: slice, onDelete: slice, onAdd: slice });
    let { zone } = topology();
    const nodeChanged = (): void => {
      if (topology().zone === zone) return;
      zone = topology().zone;
      handlers.onTopology();
    };
    nodes.onChange({ onUpdate: nodeChanged, onDelete: nodeChanged, onAdd: nodeChanged });
  });
  return {
    synced,
    services,
    slicesOf: (serviceKey) => slices.store.byIndex('service', serviceKey),
    topology,
    nodeEligible: () => {
      const own = node();
      if (own === undefined || own.metadata?.deletionTimestamp !== undefined) return false;
      return !(own.spec?.taints ?? []).some((taint) => taint.key === TO_BE_DELETED_TAINT);
    },
  };
}

function serviceKeysOf({ metadata }: EndpointSlice): string[] {
  const service = metadata?.labels?.[SERVICE_NAME_LABEL];
  return service === undefined ? [] : [`${metadata?.namespace}/${service}`];
}
