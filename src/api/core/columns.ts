import type {
  ConfigMap,
  Endpoints,
  Event,
  Namespace,
  PersistentVolume,
  PersistentVolumeClaim,
  PodTemplate,
  ReplicationController,
  ResourceQuota,
  Secret,
} from '#api/core/v1.gen.ts';
import type { Event as EventOfGroup } from '#api/events/v1.gen.ts';
import {
  type CellsOf,
  cells,
  containersText,
  firstFew,
  labelsText,
  NONE,
  nameOf,
  objectAge,
} from '#api/machinery/cells.ts';
import type { KubeObject } from '#api/machinery/object.ts';
import { ageOf } from '#api/machinery/time.ts';
import { nodeCells } from './node-columns.ts';
import { podCells } from './pod-columns.ts';
import { serviceCells } from './service-columns.ts';

const MAX_ENDPOINTS = 3;

function size(map: object | null | undefined): number {
  return Object.keys(map ?? {}).length;
}

function configMap(object: ConfigMap, nowMs: number): unknown[] {
  return [nameOf(object), size(object.data) + size(object.binaryData), objectAge(object, nowMs)];
}

function secret(object: Secret, nowMs: number): unknown[] {
  return [nameOf(object), object.type ?? '', size(object.data), objectAge(object, nowMs)];
}

function namespace(object: Namespace, nowMs: number): unknown[] {
  return [nameOf(object), object.status?.phase ?? '', objectAge(object, nowMs)];
}

function serviceAccount(object: KubeObject, nowMs: number): unknown[] {
  return [nameOf(object), objectAge(object, nowMs)];
}

function endpoints(object: Endpoints, nowMs: number): unknown[] {
  const subsets = object.subsets ?? [];
  const texts = subsets.flatMap((subset) => {
    const addresses = (subset.addresses ?? []).map(({ ip }) => ip);
    const ports = subset.ports ?? [];
    if (ports.length === 0) return addresses;
    return ports.flatMap(({ port }) =>
      addresses.map((ip) => (ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`)),
    );
  });
  return [
    nameOf(object),
    subsets.length === 0 ? NONE : firstFew(texts, MAX_ENDPOINTS),
    objectAge(object, nowMs),
  ];
}

function event(object: Event, nowMs: number): unknown[] {
  const first = object.firstTimestamp ?? object.eventTime;
  const last = object.series?.lastObservedTime ?? object.lastTimestamp ?? first;
  const { kind = '', name = '', fieldPath = '' } = object.involvedObject;
  const target = name === '' ? kind.toLowerCase() : `${kind.toLowerCase()}/${name}`;
  const component = object.source?.component || object.reportingComponent;
  const host = object.source?.host || object.reportingInstance;
  return [
    ageOf(last, nowMs),
    object.type ?? '',
    object.reason ?? '',
    target,
    fieldPath,
    host ? `${component}, ${host}` : component,
    (object.message ?? '').trim(),
    ageOf(first, nowMs),
    object.series?.count ?? (object.count || 1),
    nameOf(object),
  ];
}

/** The same event as events.k8s.io shows it. */
function eventOfGroup(object: EventOfGroup, nowMs: number): unknown[] {
  const {
    regarding,
    note,
    deprecatedSource,
    deprecatedCount,
    deprecatedFirstTimestamp,
    deprecatedLastTimestamp,
  } = object;
  const core: Event = {
    metadata: object.metadata ?? {},
    eventTime: object.eventTime,
    series: object.series,
    type: object.type,
    reason: object.reason,
    involvedObject: regarding ?? {},
    message: note,
    source: deprecatedSource,
    count: deprecatedCount,
    firstTimestamp: deprecatedFirstTimestamp,
    lastTimestamp: deprecatedLastTimestamp,
    reportingComponent: object.reportingController ?? '',
    reportingInstance: object.reportingInstance ?? '',
  };
  return event(core, nowMs);
}

function replicationController(object: ReplicationController, nowMs: number): unknown[] {
  return [
    nameOf(object),
    object.spec?.replicas ?? 0,
    object.status?.replicas ?? 0,
    object.status?.readyReplicas ?? 0,
    objectAge(object, nowMs),
    ...containersText(object.spec?.template?.spec?.containers),
    labelsText(object.spec?.selector),
  ];
}

function podTemplate(object: PodTemplate): unknown[] {
  const [names, images] = containersText(object.template?.spec?.containers);
  return [nameOf(object), names, images, labelsText(object.template?.metadata?.labels)];
}

function resourceQuota(object: ResourceQuota, nowMs: number): unknown[] {
  const { hard = {}, used = {} } = object.status ?? {};
  const texts = (limits: boolean) =>
    Object.keys(hard)
      .sort()
      .filter((resource) => resource.startsWith('limits.') === limits)
      .map((resource) => `${resource}: ${used[resource] ?? '0'}/${hard[resource] ?? '0'}`)
      .join(', ');
  return [nameOf(object), texts(false), texts(true), objectAge(object, nowMs)];
}

function accessModes(modes: readonly string[] | null | undefined): string {
  const short: Record<string, string> = {
    ReadWriteOnce: 'RWO',
    ReadOnlyMany: 'ROX',
    ReadWriteMany: 'RWX',
    ReadWriteOncePod: 'RWOP',
  };
  return Object.keys(short)
    .filter((mode) => modes?.includes(mode))
    .map((mode) => short[mode])
    .join(',');
}

function persistentVolume(object: PersistentVolume, nowMs: number): unknown[] {
  const { spec, status } = object;
  const claim = spec?.claimRef ? `${spec.claimRef.namespace ?? ''}/${spec.claimRef.name ?? ''}` : '';
  const phase = object.metadata?.deletionTimestamp ? 'Terminating' : (status?.phase ?? '');
  return [
    nameOf(object),
    spec?.capacity?.['storage'] ?? '0',
    accessModes(spec?.accessModes),
    spec?.persistentVolumeReclaimPolicy ?? '',
    phase,
    claim,
    spec?.storageClassName ?? '',
    spec?.volumeAttributesClassName ?? '<unset>',
    status?.reason ?? '',
    objectAge(object, nowMs),
    spec?.volumeMode ?? '<unset>',
  ];
}

function persistentVolumeClaim(object: PersistentVolumeClaim, nowMs: number): unknown[] {
  const { spec, status } = object;
  const bound = (spec?.volumeName ?? '') !== '';
  return [
    nameOf(object),
    object.metadata?.deletionTimestamp ? 'Terminating' : (status?.phase ?? ''),
    spec?.volumeName ?? '',
    bound ? (status?.capacity?.['storage'] ?? '0') : '',
    bound ? accessModes(status?.accessModes) : '',
    spec?.storageClassName ?? '',
    spec?.volumeAttributesClassName ?? '<unset>',
    objectAge(object, nowMs),
    spec?.volumeMode ?? '<unset>',
  ];
}

export const coreCells: Readonly<Record<string, CellsOf>> = {
  '/ConfigMap': cells(configMap),
  '/Secret': cells(secret),
  '/Namespace': cells(namespace),
  '/ServiceAccount': cells(serviceAccount),
  '/Endpoints': cells(endpoints),
  '/Event': cells(event),
  'events.k8s.io/Event': cells(eventOfGroup),
  '/Node': cells(nodeCells),
  '/Pod': cells(podCells),
  '/Service': cells(serviceCells),
  '/ReplicationController': cells(replicationController),
  '/PodTemplate': cells(podTemplate),
  '/ResourceQuota': cells(resourceQuota),
  '/PersistentVolume': cells(persistentVolume),
  '/PersistentVolumeClaim': cells(persistentVolumeClaim),
};
