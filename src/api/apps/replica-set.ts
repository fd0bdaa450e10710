import type { ReplicaSet } from '#api/apps/v1.gen.ts';
import { defaultPodSpec } from '#api/core/pod-defaults.ts';
import { workloadWarnings } from '#api/core/pod-warnings.ts';
import { type FieldError, invalid } from '#api/machinery/field-error.ts';
import type { StrategyParts } from '#api/machinery/strategy-parts.ts';
import { validateImmutable } from '#api/machinery/validate-meta.ts';
import { validateCounts, validateSelector, validateTemplate } from './workload-validate.ts';

export const replicaSetStrategy: StrategyParts<ReplicaSet> = {
  generation: 'spec',
  defaults: ({ spec }) => {
    if (spec === undefined) return;
    if (spec.template?.spec) defaultPodSpec(spec.template.spec);
    spec.replicas ??= 1;
  },
  validate: validateReplicaSet,
  validateUpdate: (object, old) => [
    ...validateImmutable(object.spec?.selector, old.spec?.selector, 'spec.selector'),
    ...validateReplicaSet(object),
  ],
  validateStatusUpdate: ({ status }) => validateReplicaCounts(status ?? { replicas: 0 }),
  warnings: (object) => workloadWarnings(object, object.spec?.template),
};

function validateReplicaSet({ spec }: ReplicaSet): FieldError[] {
  return [
    ...validateCounts({ replicas: spec?.replicas, minReadySeconds: spec?.minReadySeconds }),
    ...validateSelector(spec?.selector),
    ...validateTemplate(spec?.template, spec?.selector),
  ];
}

interface ReplicaCounts {
  readonly replicas?: number | undefined;
  readonly fullyLabeledReplicas?: number | undefined;
  readonly readyReplicas?: number | undefined;
  readonly availableReplicas?: number | undefined;
}

/** Findings about a status that counts replicas: none negative, the parts no more than the whole. */
export function validateReplicaCounts(status: ReplicaCounts): FieldError[] {
  const { replicas = 0, fullyLabeledReplicas = 0, readyReplicas = 0, availableReplicas = 0 } = status;
  const errors = validateCounts(
    { replicas, fullyLabeledReplicas, readyReplicas, availableReplicas },
    'status',
  );
  const parts = { fullyLabeledReplicas, readyReplicas, availableReplicas };
  for (const [name, value] of Object.entries(parts)) {
    if (value > replicas)
      errors.push(invalid(`status.${name}`, value, 'cannot be greater than status.replicas'));
  }
  if (availableReplicas > readyReplicas) {
    errors.push(
      invalid('status.availableReplicas', availableReplicas, 'cannot be greater than readyReplicas'),
    );
  }
  return errors;
}
