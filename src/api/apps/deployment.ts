import type { Deployment } from '#api/apps/v1.gen.ts';
import { defaultPodSpec } from '#api/core/pod-defaults.ts';
import { workloadWarnings } from '#api/core/pod-warnings.ts';
import { type FieldError, forbidden, invalid, notSupported, required } from '#api/machinery/field-error.ts';
import type { StrategyParts } from '#api/machinery/strategy-parts.ts';
import { validateImmutable } from '#api/machinery/validate-meta.ts';
import {
  isZero,
  validateAtMostAll,
  validateCounts,
  validateIntOrPercent,
  validateSelector,
  validateTemplate,
} from './workload-validate.ts';

export const deploymentStrategy: StrategyParts<Deployment> = {
  generation: (deployment) => [deployment.spec, deployment.metadata?.annotations],
  defaults: defaultDeployment,
  validate: validateDeployment,
  validateUpdate: (deployment, old) => [
    ...validateImmutable(deployment.spec?.selector, old.spec?.selector, 'spec.selector'),
    ...validateDeployment(deployment),
  ],
  validateStatusUpdate: ({ status }) =>
    validateCounts(
      {
        replicas: status?.replicas,
        updatedReplicas: status?.updatedReplicas,
        readyReplicas: status?.readyReplicas,
        availableReplicas: status?.availableReplicas,
        unavailableReplicas: status?.unavailableReplicas,
      },
      'status',
    ),
  warnings: (object) => workloadWarnings(object, object.spec?.template),
};

function defaultDeployment({ spec }: Deployment): void {
  if (spec === undefined) return;
  if (spec.template?.spec) defaultPodSpec(spec.template.spec);
  spec.replicas ??= 1;
  spec.revisionHistoryLimit ??= 10;
  spec.progressDeadlineSeconds ??= 600;
  const strategy = (spec.strategy ??= {});
  strategy.type ??= 'RollingUpdate';
  if (strategy.type !== 'RollingUpdate') return;
  strategy.rollingUpdate ??= {};
  strategy.rollingUpdate.maxUnavailable ??= '25%';
  strategy.rollingUpdate.maxSurge ??= '25%';
}

function validateDeployment({ spec }: Deployment): FieldError[] {
  const { replicas, minReadySeconds = 0, revisionHistoryLimit, progressDeadlineSeconds } = spec ?? {};
  const errors = validateCounts({ replicas, minReadySeconds, revisionHistoryLimit });
  errors.push(...validateSelector(spec?.selector), ...validateTemplate(spec?.template, spec?.selector));
  errors.push(...validateStrategy(spec?.strategy));
  if (typeof progressDeadlineSeconds === 'number') {
    const path = 'spec.progressDeadlineSeconds';
    errors.push(...validateCounts({ progressDeadlineSeconds }));
    if (progressDeadlineSeconds <= minReadySeconds) {
      errors.push(invalid(path, progressDeadlineSeconds, 'must be greater than minReadySeconds'));
    }
  }
  return errors;
}

function validateStrategy(strategy: NonNullable<Deployment['spec']>['strategy']): FieldError[] {
  const path = 'spec.strategy';
  const { type = '', rollingUpdate } = strategy ?? {};
  if (type === 'Recreate') {
    const text = "may not be specified when strategy `type` is 'Recreate'";
    return rollingUpdate ? [forbidden(`${path}.rollingUpdate`, text)] : [];
  }
  if (type !== 'RollingUpdate') return [notSupported(`${path}.type`, type, ['Recreate', 'RollingUpdate'])];
  if (!rollingUpdate) return [required(`${path}.rollingUpdate`)];
  const { maxUnavailable, maxSurge } = rollingUpdate;
  const at = `${path}.rollingUpdate`;
  const errors = [
    ...validateIntOrPercent(maxUnavailable, `${at}.maxUnavailable`),
    ...validateIntOrPercent(maxSurge, `${at}.maxSurge`),
    ...validateAtMostAll(maxUnavailable, `${at}.maxUnavailable`),
  ];
  if (isZero(maxUnavailable) && isZero(maxSurge)) {
    errors.push(invalid(`${at}.maxUnavailable`, maxUnavailable, 'may not be 0 when `maxSurge` is 0'));
  }
  return errors;
}
