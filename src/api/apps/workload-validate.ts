// What the rules of Deployments, ReplicaSets, StatefulSets and DaemonSets have in common.
import { validatePodTemplate } from '#api/core/pod-validate.ts';
import type { PodTemplateSpec } from '#api/core/v1.gen.ts';
import { type FieldError, forbidden, invalid, notSupported, required } from '#api/machinery/field-error.ts';
import { selects, validateLabelSelector } from '#api/machinery/label-selector.ts';
import { isJsonObject } from '#api/machinery/object.ts';
import type { LabelSelector } from '#api/meta/v1.gen.ts';

/** Findings about the selector, and about a template that it does not select. */
export function validateSelector(
  selector: LabelSelector | null | undefined,
  path = 'spec.selector',
): FieldError[] {
  if (!isJsonObject(selector)) return [required(path)];
  const errors = validateLabelSelector(selector, path);
  if (isEmptySelector(selector)) {
    errors.push(invalid(path, selector, 'empty selector is invalid for a workload'));
  }
  return errors;
}

function isEmptySelector(selector: LabelSelector): boolean {
  return Object.keys(selector.matchLabels ?? {}).length + (selector.matchExpressions ?? []).length === 0;
}

/** Findings about the template of pods that run for ever and are found by the selector. */
export function validateTemplate(
  template: PodTemplateSpec | undefined,
  selector: LabelSelector | null | undefined,
): FieldError[] {
  const path = 'spec.template';
  const errors: FieldError[] = [];
  const labels = template?.metadata?.labels;
  const unusable = isJsonObject(selector) && validateLabelSelector(selector, '').length > 0;
  if (!unusable && !selects(selector, labels)) {
    errors.push(invalid(`${path}.metadata.labels`, labels, '`selector` does not match template `labels`'));
  }
  errors.push(...validatePodTemplate(template, path));
  const restartPolicy = template?.spec?.restartPolicy ?? 'Always';
  if (restartPolicy !== 'Always' && ['Never', 'OnFailure'].includes(restartPolicy)) {
    errors.push(notSupported(`${path}.spec.restartPolicy`, restartPolicy, ['Always']));
  }
  if (typeof template?.spec?.activeDeadlineSeconds === 'number') {
    errors.push(
      forbidden(
        `${path}.spec.activeDeadlineSeconds`,
        'activeDeadlineSeconds in this workload is not supported',
      ),
    );
  }
  return errors;
}

/** The finding for a number below zero, at `spec.<name>`. */
export function validateCounts(
  counts: Readonly<Record<string, number | undefined>>,
  parent = 'spec',
): FieldError[] {
  return Object.entries(counts).flatMap(([name, value]) =>
    (value ?? 0) < 0 ? [invalid(`${parent}.${name}`, value, 'must be greater than or equal to 0')] : [],
  );
}

/** Findings about a number of pods given as a count or a percentage. */
export function validateIntOrPercent(value: number | string | undefined, path: string): FieldError[] {
  if (typeof value === 'string') {
    const text =
      "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%', or '93%', regex used for validation is '[0-9]+%')";
    return /^[0-9]+%$/.test(value) ? [] : [invalid(path, value, text)];
  }
  return (value ?? 0) < 0 ? [invalid(path, value, 'must be greater than or equal to 0')] : [];
}

/** Whether a count or percentage is zero. */
export function isZero(value: number | string | undefined): boolean {
  return value === undefined || value === 0 || value === '0%';
}

/** The finding for more than all pods. */
export function validateAtMostAll(value: number | string | undefined, path: string): FieldError[] {
  const percent = typeof value === 'string' && /^[0-9]+%$/.test(value) ? Number.parseInt(value, 10) : 0;
  return percent > 100 ? [invalid(path, value, 'must not be greater than 100%')] : [];
}
