import type { ControllerRevision, DaemonSet, Deployment, ReplicaSet, StatefulSet } from '#api/apps/v1.gen.ts';
import {
  type CellsOf,
  cells,
  containersText,
  labelsText,
  NONE,
  nameOf,
  objectAge,
} from '#api/machinery/cells.ts';
import { formatLabelSelector } from '#api/machinery/label-selector.ts';

function deployment(object: Deployment, nowMs: number): unknown[] {
  const { spec, status } = object;
  return [
    nameOf(object),
    `${status?.readyReplicas ?? 0}/${spec?.replicas ?? 0}`,
    status?.updatedReplicas ?? 0,
    status?.availableReplicas ?? 0,
    objectAge(object, nowMs),
    ...containersText(spec?.template.spec?.containers),
    formatLabelSelector(spec?.selector),
  ];
}

function replicaSet(object: ReplicaSet, nowMs: number): unknown[] {
  const { spec, status } = object;
  return [
    nameOf(object),
    spec?.replicas ?? 0,
    status?.replicas ?? 0,
    status?.readyReplicas ?? 0,
    objectAge(object, nowMs),
    ...containersText(spec?.template?.spec?.containers),
    formatLabelSelector(spec?.selector),
  ];
}

function statefulSet(object: StatefulSet, nowMs: number): unknown[] {
  const { spec, status } = object;
  return [
    nameOf(object),
    `${status?.readyReplicas ?? 0}/${spec?.replicas ?? 0}`,
    objectAge(object, nowMs),
    ...containersText(spec?.template.spec?.containers),
  ];
}

function daemonSet(object: DaemonSet, nowMs: number): unknown[] {
  const { spec, status } = object;
  return [
    nameOf(object),
    status?.desiredNumberScheduled ?? 0,
    status?.currentNumberScheduled ?? 0,
    status?.numberReady ?? 0,
    status?.updatedNumberScheduled ?? 0,
    status?.numberAvailable ?? 0,
    labelsText(spec?.template.spec?.nodeSelector),
    objectAge(object, nowMs),
    ...containersText(spec?.template.spec?.containers),
    formatLabelSelector(spec?.selector),
  ];
}

function controllerRevision(object: ControllerRevision, nowMs: number): unknown[] {
  const owner = object.metadata?.ownerReferences?.find(({ controller }) => controller === true);
  const [group = ''] = owner?.apiVersion.includes('/') ? owner.apiVersion.split('/') : [];
  const kind = owner?.kind.toLowerCase() ?? '';
  const text = owner === undefined ? NONE : `${group === '' ? kind : `${kind}.${group}`}/${owner.name}`;
  return [nameOf(object), text, object.revision, objectAge(object, nowMs)];
}

export const appsCells: Readonly<Record<string, CellsOf>> = {
  'apps/Deployment': cells(deployment),
  'apps/ReplicaSet': cells(replicaSet),
  'apps/StatefulSet': cells(statefulSet),
  'apps/DaemonSet': cells(daemonSet),
  'apps/ControllerRevision': cells(controllerRevision),
};
