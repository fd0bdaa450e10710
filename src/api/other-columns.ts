// Columns of kinds that Portolan stores without acting on them.
import type { APIService } from './apiregistration/v1.gen.ts';
import { type CellsOf, cells, nameOf, objectAge, orNone } from './machinery/cells.ts';
import type { JsonObject, KubeObject } from './machinery/object.ts';
import type { PodDisruptionBudget } from './policy/v1.gen.ts';
import type { PriorityClass } from './scheduling/v1.gen.ts';
import type { StorageClass } from './storage/v1.gen.ts';

/** The value at a path of field names; undefined where it ends early. */
function at(object: KubeObject, ...path: string[]): unknown {
  return path.reduce<unknown>((value, name) => (value as JsonObject | null | undefined)?.[name], object);
}

function lengthAt(object: KubeObject, ...path: string[]): number {
  const list = at(object, ...path);
  return Array.isArray(list) ? list.length : 0;
}

function textAt(object: KubeObject, ...path: string[]): string {
  const value = at(object, ...path);
  return typeof value === 'string' ? value : '';
}

function apiService(object: APIService, nowMs: number): unknown[] {
  const { service } = object.spec ?? {};
  const condition = object.status?.conditions?.find(({ type }) => type === 'Available');
  const status = condition?.status ?? 'Unknown';
  const reason = status !== 'True' && condition?.reason ? ` (${condition.reason})` : '';
  const target = service ? `${service.namespace ?? ''}/${service.name ?? ''}` : 'Local';
  return [nameOf(object), target, `${status}${reason}`, objectAge(object, nowMs)];
}

function disruptionBudget(object: PodDisruptionBudget, nowMs: number): unknown[] {
  const { spec, status } = object;
  return [
    nameOf(object),
    String(spec?.minAvailable ?? 'N/A'),
    String(spec?.maxUnavailable ?? 'N/A'),
    status?.disruptionsAllowed ?? 0,
    objectAge(object, nowMs),
  ];
}

function priorityClass(object: PriorityClass, nowMs: number): unknown[] {
  const { value, globalDefault = false, preemptionPolicy = '' } = object;
  return [nameOf(object), value, globalDefault, objectAge(object, nowMs), preemptionPolicy];
}

function storageClass(object: StorageClass, nowMs: number): unknown[] {
  const isDefault = object.metadata?.annotations?.['storageclass.kubernetes.io/is-default-class'] === 'true';
  return [
    isDefault ? `${nameOf(object)} (default)` : nameOf(object),
    object.provisioner,
    object.reclaimPolicy ?? 'Delete',
    object.volumeBindingMode ?? 'Immediate',
    object.allowVolumeExpansion === true,
    objectAge(object, nowMs),
  ];
}

const withCount =
  (...path: string[]): CellsOf =>
  (object, nowMs) => [nameOf(object), lengthAt(object, ...path), objectAge(object, nowMs)];

const withText =
  (...path: string[]): CellsOf =>
  (object, nowMs) => [nameOf(object), textAt(object, ...path), objectAge(object, nowMs)];

function admissionPolicy(...rules: string[]): CellsOf {
  return (object, nowMs) => {
    const kind = textAt(object, 'spec', 'paramKind', 'kind');
    const param = kind === '' ? '<unset>' : `${textAt(object, 'spec', 'paramKind', 'apiVersion')}/${kind}`;
    return [nameOf(object), lengthAt(object, ...rules), param, objectAge(object, nowMs)];
  };
}

const admissionBinding: CellsOf = (object, nowMs) => {
  const name = textAt(object, 'spec', 'paramRef', 'name');
  const namespace = textAt(object, 'spec', 'paramRef', 'namespace') || '*';
  const param = name === '' ? '<unset>' : `${namespace}/${name}`;
  return [nameOf(object), textAt(object, 'spec', 'policyName'), param, objectAge(object, nowMs)];
};

const volumeAttachment: CellsOf = (object, nowMs) => [
  nameOf(object),
  textAt(object, 'spec', 'attacher'),
  textAt(object, 'spec', 'source', 'persistentVolumeName'),
  textAt(object, 'spec', 'nodeName'),
  at(object, 'status', 'attached') === true,
  objectAge(object, nowMs),
];

const csiDriver: CellsOf = (object) => [
  nameOf(object),
  at(object, 'spec', 'attachRequired') !== false,
  at(object, 'spec', 'podInfoOnMount') === true,
  at(object, 'spec', 'storageCapacity') === true,
];

const certificateSigningRequest: CellsOf = (object, nowMs) => {
  const seconds = at(object, 'spec', 'expirationSeconds');
  const conditions = (at(object, 'status', 'conditions') ?? []) as { type: string }[];
  const decided = conditions
    .map(({ type }) => type)
    .filter((type) => type === 'Approved' || type === 'Denied');
  const issued = textAt(object, 'status', 'certificate') === '' ? [] : ['Issued'];
  const failed = conditions.some(({ type }) => type === 'Failed') ? ['Failed'] : [];
  const condition = [...decided, ...failed, ...issued].join(',');
  return [
    nameOf(object),
    objectAge(object, nowMs),
    textAt(object, 'spec', 'signerName'),
    textAt(object, 'spec', 'username'),
    typeof seconds === 'number' ? `${seconds}s` : '<none>',
    condition === '' ? 'Pending' : condition,
  ];
};

export const otherCells: Readonly<Record<string, CellsOf>> = {
  'apiregistration.k8s.io/APIService': cells(apiService),
  'policy/PodDisruptionBudget': cells(disruptionBudget),
  'scheduling.k8s.io/PriorityClass': cells(priorityClass),
  'storage.k8s.io/StorageClass': cells(storageClass),
  'storage.k8s.io/VolumeAttachment': volumeAttachment,
  'storage.k8s.io/CSIDriver': csiDriver,
  'storage.k8s.io/CSINode': withCount('spec', 'drivers'),
  'storage.k8s.io/CSIStorageCapacity': (object) => [
    nameOf(object),
    textAt(object, 'storageClassName'),
    textAt(object, 'capacity'),
  ],
  'storage.k8s.io/VolumeAttributesClass': withText('driverName'),
  'node.k8s.io/RuntimeClass': withText('handler'),
  'scheduling.k8s.io/Workload': (object, nowMs) => [nameOf(object), objectAge(object, nowMs)],
  'admissionregistration.k8s.io/MutatingWebhookConfiguration': withCount('webhooks'),
  'admissionregistration.k8s.io/ValidatingWebhookConfiguration': withCount('webhooks'),
  'admissionregistration.k8s.io/MutatingAdmissionPolicy': admissionPolicy('spec', 'mutations'),
  'admissionregistration.k8s.io/ValidatingAdmissionPolicy': admissionPolicy('spec', 'validations'),
  'admissionregistration.k8s.io/MutatingAdmissionPolicyBinding': admissionBinding,
  'admissionregistration.k8s.io/ValidatingAdmissionPolicyBinding': admissionBinding,
  'certificates.k8s.io/CertificateSigningRequest': certificateSigningRequest,
  'certificates.k8s.io/ClusterTrustBundle': (object) => [
    nameOf(object),
    orNone(textAt(object, 'spec', 'signerName')),
  ],
};
