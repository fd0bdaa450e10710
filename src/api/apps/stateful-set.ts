import type { StatefulSet, StatefulSetSpec } from '#api/apps/v1.gen.ts';
import { defaultPodSpec } from '#api/core/pod-defaults.ts';
import { podTemplateWarnings } from '#api/core/pod-warnings.ts';
import { cloneJson, equalJson } from '#api/machinery/equal.ts';
import { type FieldError, forbidden, invalid, required } from '#api/machinery/field-error.ts';
import type { StrategyParts } from '#api/machinery/strategy-parts.ts';
import { LABEL_NAME } from '#api/machinery/validate-meta.ts';
import {
  validateCounts,
  validateIntOrPercent,
  validateSelector,
  validateTemplate,
} from './workload-validate.ts';

const MANAGEMENT_POLICIES = ['OrderedReady', 'Parallel'];
const CHANGEABLE = [
  'replicas',
  'ordinals',
  'template',
  'updateStrategy',
  'revisionHistoryLimit',
  'persistentVolumeClaimRetentionPolicy',
  'minReadySeconds',
] as const;

export const statefulSetStrategy: StrategyParts<StatefulSet> = {
  generation: 'spec',
  // Its pods' names are labels of DNS names.
  checkName: LABEL_NAME,
  defaults: defaultStatefulSet,
  validate: validateStatefulSet,
  validateUpdate: (object, old) => [...validateStatefulSet(object), ...validateFixed(object, old)],
  validateStatusUpdate: ({ status }) => validateStatus(status),
  warnings: ({ spec }) => (spec ? podTemplateWarnings(spec.template, 'spec.template.spec') : []),
};

function defaultStatefulSet({ spec }: StatefulSet): void {
  if (spec === undefined) return;
  if (spec.template?.spec) defaultPodSpec(spec.template.spec);
  spec.podManagementPolicy ??= 'OrderedReady';
  const strategy = (spec.updateStrategy ??= {});
  strategy.type ??= 'RollingUpdate';
  if (strategy.type === 'RollingUpdate') {
    strategy.rollingUpdate ??= {};
    strategy.rollingUpdate.partition ??= 0;
    strategy.rollingUpdate.maxUnavailable ??= 1;
  }
  const retention = (spec.persistentVolumeClaimRetentionPolicy ??= {});
  retention.whenDeleted ??= 'Retain';
  retention.whenScaled ??= 'Retain';
  spec.replicas ??= 1;
  spec.revisionHistoryLimit ??= 10;
  for (const claim of spec.volumeClaimTemplates ?? []) {
    claim.apiVersion ??= 'v1';
    claim.kind ??= 'PersistentVolumeClaim';
    claim.spec ??= {};
    claim.spec.volumeMode ??= 'Filesystem';
    claim.status = { ...claim.status, phase: claim.status?.phase ?? 'Pending' };
  }
}

function validateStatefulSet({ spec }: StatefulSet): FieldError[] {
  const { replicas, minReadySeconds, revisionHistoryLimit, podManagementPolicy = '' } = spec ?? {};
  const errors = validateCounts({ replicas, minReadySeconds, revisionHistoryLimit });
  if (!MANAGEMENT_POLICIES.includes(podManagementPolicy)) {
    const text = "must be 'OrderedReady' or 'Parallel'";
    errors.push(invalid('spec.podManagementPolicy', podManagementPolicy, text));
  }
  errors.push(...validateUpdateStrategy(spec?.updateStrategy));
  if (spec?.ordinals) errors.push(...validateCounts({ start: spec.ordinals.start }, 'spec.ordinals'));
  return [
    ...errors,
    ...validateSelector(spec?.selector),
    ...validateTemplate(spec?.template, spec?.selector),
  ];
}

function validateUpdateStrategy(strategy: StatefulSetSpec['updateStrategy']): FieldError[] {
  const path = 'spec.updateStrategy';
  const { type = '', rollingUpdate } = strategy ?? {};
  if (type === '') return [required(path)];
  if (type === 'OnDelete') {
    const text = "only allowed for updateStrategy 'RollingUpdate'";
    return rollingUpdate ? [invalid(`${path}.rollingUpdate`, rollingUpdate, text)] : [];
  }
  if (type !== 'RollingUpdate') return [invalid(path, strategy, "must be 'RollingUpdate' or 'OnDelete'")];
  return [
    ...validateCounts({ partition: rollingUpdate?.partition }, `${path}.rollingUpdate`),
    ...validateIntOrPercent(rollingUpdate?.maxUnavailable, `${path}.rollingUpdate.maxUnavailable`),
  ];
}

function validateFixed({ spec }: StatefulSet, old: StatefulSet): FieldError[] {
  if (!spec || !old.spec) return [];
  const copy = cloneJson(spec) as unknown as Record<string, unknown>;
  const before = old.spec as unknown as Record<string, unknown>;
  for (const field of CHANGEABLE) copy[field] = before[field];
  if (equalJson(copy, before)) return [];
  const names = [...CHANGEABLE].map((name) => `'${name}'`).join(', ');
  return [forbidden('spec', `updates to statefulset spec for fields other than ${names} are forbidden`)];
}

function validateStatus(status: StatefulSet['status']): FieldError[] {
  const {
    replicas = 0,
    readyReplicas = 0,
    currentReplicas = 0,
    updatedReplicas = 0,
    availableReplicas = 0,
  } = status ?? {};
  const parts = { readyReplicas, currentReplicas, updatedReplicas, availableReplicas };
  const errors = validateCounts({ replicas, ...parts }, 'status');
  for (const [name, value] of Object.entries(parts)) {
    if (value > replicas)
      errors.push(invalid(`status.${name}`, value, 'cannot be greater than status.replicas'));
  }
  if (availableReplicas > readyReplicas) {
    errors.push(
      invalid('status.availableReplicas', availableReplicas, 'cannot be greater than status.readyReplicas'),
    );
  }
  return errors;
}
