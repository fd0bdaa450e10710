import { validateReplicaCounts } from '#api/apps/replica-set.ts';
import { validateCounts, validateTemplate } from '#api/apps/workload-validate.ts';
import type { ReplicationController } from '#api/core/v1.gen.ts';
import { type FieldError, required } from '#api/machinery/field-error.ts';
import { metaOf } from '#api/machinery/object.ts';
import type { StrategyParts } from '#api/machinery/strategy-parts.ts';
import { defaultPodSpec } from './pod-defaults.ts';
import { workloadWarnings } from './pod-warnings.ts';

export const replicationControllerStrategy: StrategyParts<ReplicationController> = {
  generation: 'spec',
  defaults: defaultReplicationController,
  validate: validateReplicationController,
  validateStatusUpdate: ({ status }) => validateReplicaCounts(status ?? { replicas: 0 }),
  warnings: (object) => workloadWarnings(object, object.spec?.template),
  selectableFields: ({ status }) => ({ 'status.replicas': String(status?.replicas ?? 0) }),
};

/** Selector and labels follow from the template's labels when they are left out. */
function defaultReplicationController(controller: ReplicationController): void {
  const { spec } = controller;
  if (spec === undefined) return;
  const labels = spec.template?.metadata?.labels;
  const meta = metaOf(controller);
  if (labels !== undefined) {
    if (Object.keys(spec.selector ?? {}).length === 0) spec.selector = { ...labels };
    if (Object.keys(meta.labels ?? {}).length === 0) meta.labels = { ...labels };
  }
  spec.replicas ??= 1;
  if (spec.template?.spec) defaultPodSpec(spec.template.spec);
}

function validateReplicationController({ spec }: ReplicationController): FieldError[] {
  const selector = spec?.selector ?? {};
  const errors = validateCounts({ replicas: spec?.replicas, minReadySeconds: spec?.minReadySeconds });
  if (Object.keys(selector).length === 0) errors.push(required('spec.selector'));
  if (!spec?.template) return [...errors, required('spec.template')];
  return [...errors, ...validateTemplate(spec.template, { matchLabels: selector })];
}
