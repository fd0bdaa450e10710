// What is wrong with a pod spec, in a pod or in a workload's template.
import type { PodSpec, PodTemplateSpec, Toleration } from '#api/core/v1.gen.ts';
import { type FieldError, forbidden, invalid, notSupported } from '#api/machinery/field-error.ts';
import { dns1123Subdomain, labelValue, qualifiedName } from '#api/machinery/names.ts';
import { validateAnnotations, validateLabels } from '#api/machinery/validate-meta.ts';
import { validateContainers } from './container-validate.ts';
import { validatePodDns } from './pod-dns-validate.ts';
import { validateHostProcess, validatePodOs } from './pod-os-validate.ts';
import { validateVolumes } from './volume-validate.ts';

const RESTART_POLICIES = ['Always', 'Never', 'OnFailure'];
const EFFECTS = ['NoExecute', 'NoSchedule', 'PreferNoSchedule'];
const TOLERATION_OPERATORS = ['Equal', 'Exists', 'Gt', 'Lt'];
const MAX_DEADLINE_SECONDS = 2147483647;

/** Findings about a pod spec. `isPod`: not a template. */
export function validatePodSpec(spec: PodSpec, path: string, isPod: boolean): FieldError[] {
  const { restartPolicy = '', serviceAccountName = '', nodeName = '', priorityClassName = '' } = spec;
  const errors = [...validateVolumes(spec, path), ...validateContainers(spec, path, isPod)];
  if (!RESTART_POLICIES.includes(restartPolicy)) {
    errors.push(notSupported(`${path}.restartPolicy`, restartPolicy, RESTART_POLICIES));
  }
  errors.push(...validatePodDns(spec, path), ...validateLabels(spec.nodeSelector, `${path}.nodeSelector`));
  for (const [field, name] of Object.entries({ serviceAccountName, nodeName, priorityClassName })) {
    if (name !== '')
      errors.push(...dns1123Subdomain(name).map((text) => invalid(`${path}.${field}`, name, text)));
  }
  errors.push(...validateTimes(spec, path));
  spec.tolerations?.forEach((toleration, index) => {
    errors.push(...validateToleration(toleration, `${path}.tolerations[${index}]`));
  });
  spec.readinessGates?.forEach(({ conditionType }, index) => {
    const at = `${path}.readinessGates[${index}].conditionType`;
    errors.push(...qualifiedName(conditionType).map((text) => invalid(at, conditionType, text)));
  });
  return [...errors, ...validateHostProcess(spec, path), ...validatePodOs(spec, path)];
}

function validateTimes(spec: PodSpec, path: string): FieldError[] {
  const { activeDeadlineSeconds } = spec;
  const errors: FieldError[] = [];
  if (typeof activeDeadlineSeconds === 'number') {
    const at = `${path}.activeDeadlineSeconds`;
    if (activeDeadlineSeconds < 1 || activeDeadlineSeconds > MAX_DEADLINE_SECONDS) {
      errors.push(
        invalid(at, activeDeadlineSeconds, `must be between 1 and ${MAX_DEADLINE_SECONDS}, inclusive`),
      );
    }
  }
  return errors;
}

function validateToleration(toleration: Toleration, path: string): FieldError[] {
  const { key = '', operator = 'Equal', value = '', effect = '', tolerationSeconds } = toleration;
  const errors = key === '' ? [] : qualifiedName(key).map((text) => invalid(`${path}.key`, key, text));
  if (key === '' && operator !== 'Exists') {
    const text = 'operator must be Exists when `key` is empty, which means "match all values and all keys"';
    errors.push(invalid(`${path}.operator`, operator, text));
  }
  if (typeof tolerationSeconds === 'number' && effect !== 'NoExecute') {
    errors.push(
      invalid(`${path}.effect`, effect, "effect must be 'NoExecute' when `tolerationSeconds` is set"),
    );
  }
  if (!TOLERATION_OPERATORS.includes(operator)) {
    errors.push(notSupported(`${path}.operator`, operator, TOLERATION_OPERATORS));
  } else if (operator === 'Exists') {
    if (value !== '')
      errors.push(invalid(`${path}.operator`, toleration, "value must be empty when `operator` is 'Exists'"));
  } else errors.push(...labelValue(value).map((text) => invalid(`${path}.operator`, value, text)));
  if (effect !== '' && !EFFECTS.includes(effect))
    errors.push(notSupported(`${path}.effect`, effect, EFFECTS));
  return errors;
}

/** Findings about the pods that a workload makes. */
export function validatePodTemplate(template: PodTemplateSpec | undefined, path: string): FieldError[] {
  const spec = template?.spec ?? { containers: [] };
  const errors = [
    ...validateLabels(template?.metadata?.labels, `${path}.labels`),
    ...validateAnnotations(template?.metadata?.annotations, `${path}.annotations`),
    ...validatePodSpec(spec, `${path}.spec`, false),
  ];
  if ((spec.ephemeralContainers ?? []).length > 0) {
    errors.push(
      forbidden(`${path}.spec.ephemeralContainers`, 'ephemeral containers not allowed in pod template'),
    );
  }
  return errors;
}
