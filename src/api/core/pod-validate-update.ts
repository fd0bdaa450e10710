import type { Container, Pod, PodSpec, Toleration } from '#api/core/v1.gen.ts';
import { cloneJson, equalJson } from '#api/machinery/equal.ts';
import { type FieldError, forbidden, invalid, required } from '#api/machinery/field-error.ts';
import { validatePodSpec } from './pod-validate.ts';

const CHANGEABLE =
  'pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)';

/** Findings about a pod that is changed: nearly all of its spec is fixed. */
export function validatePodUpdate(pod: Pod, old: Pod): FieldError[] {
  const spec: PodSpec = pod.spec ?? { containers: [] };
  const before: PodSpec = old.spec ?? { containers: [] };
  const errors = validatePodSpec(spec, 'spec', true);
  const counts = [
    ...validateSameNumber(spec.containers, before.containers, 'spec.containers', 'containers'),
    ...validateSameNumber(spec.initContainers, before.initContainers, 'spec.initContainers', 'containers'),
  ];
  if (counts.length > 0) return [...errors, ...counts];
  errors.push(
    ...validateImages(spec, before),
    ...validateDeadline(spec, before),
    ...validateGates(spec, before),
  );
  errors.push(...validateTolerations(spec.tolerations ?? [], before.tolerations ?? []));
  if (!equalJson(withChangeable(spec, before), before)) errors.push(forbidden('spec', CHANGEABLE));
  return errors;
}

function validateSameNumber(
  containers: readonly Container[] | undefined,
  old: readonly Container[] | undefined,
  path: string,
  what: string,
): FieldError[] {
  if ((containers ?? []).length === (old ?? []).length) return [];
  return [forbidden(path, `pod updates may not add or remove ${what}`)];
}

function validateImages(spec: PodSpec, old: PodSpec): FieldError[] {
  return (['containers', 'initContainers'] as const).flatMap((list) =>
    (spec[list] ?? []).flatMap(({ image = '' }, index) => {
      const changed = image !== old[list]?.[index]?.image;
      return changed && image === '' ? [required(`spec.${list}[${index}].image`)] : [];
    }),
  );
}

/** A deadline may come, and become earlier. */
function validateDeadline(spec: PodSpec, old: PodSpec): FieldError[] {
  const path = 'spec.activeDeadlineSeconds';
  const value = spec.activeDeadlineSeconds ?? undefined;
  const before = old.activeDeadlineSeconds ?? undefined;
  if (before === undefined || value === before) return [];
  if (value === undefined)
    return [invalid(path, value, 'must not update from a positive integer to nil value')];
  if (value < before) return [];
  return [invalid(path, value, `must be less than or equal to previous value`)];
}

function validateGates(spec: PodSpec, old: PodSpec): FieldError[] {
  if (equalJson(spec.schedulingGates, old.schedulingGates)) return [];
  const names = new Set((old.schedulingGates ?? []).map(({ name }) => name));
  const added = (spec.schedulingGates ?? []).filter(({ name }) => !names.has(name));
  if (added.length === 0) return [];
  return [forbidden('spec.schedulingGates', 'only deletion is allowed, but found new scheduling gate')];
}

function validateTolerations(tolerations: readonly Toleration[], old: readonly Toleration[]): FieldError[] {
  const kept = old.every((before) =>
    tolerations.some((toleration) => equalJson(withoutSeconds(toleration), withoutSeconds(before))),
  );
  if (kept) return [];
  return [
    forbidden('spec.tolerations', 'existing toleration can not be modified except its tolerationSeconds'),
  ];
}

function withoutSeconds(toleration: Toleration): Toleration {
  return { ...toleration, tolerationSeconds: undefined };
}

/** The new spec with everything that may change put back as it was. */
function withChangeable(spec: PodSpec, old: PodSpec): PodSpec {
  const copy = cloneJson(spec);
  for (const list of ['containers', 'initContainers'] as const) {
    copy[list]?.forEach((container, index) => {
      container.image = old[list]?.[index]?.image;
    });
  }
  copy.activeDeadlineSeconds = old.activeDeadlineSeconds;
  copy.tolerations = old.tolerations;
  copy.schedulingGates = old.schedulingGates;
  const graceWasNegative = (old.terminationGracePeriodSeconds ?? 0) < 0;
  if (graceWasNegative && spec.terminationGracePeriodSeconds === 1) {
    copy.terminationGracePeriodSeconds = old.terminationGracePeriodSeconds;
  }
  return copy;
}
