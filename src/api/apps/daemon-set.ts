import type { DaemonSet, DaemonSetSpec } from '#api/apps/v1.gen.ts';
import { defaultPodSpec } from '#api/core/pod-defaults.ts';
import { equalJson } from '#api/machinery/equal.ts';
import { type FieldError, invalid, notSupported, required } from '#api/machinery/field-error.ts';
import { isJsonObject, metaOf } from '#api/machinery/object.ts';
import type { StrategyParts } from '#api/machinery/strategy-parts.ts';
import { validateImmutable } from '#api/machinery/validate-meta.ts';
import {
  isZero,
  validateCounts,
  validateIntOrPercent,
  validateSelector,
  validateTemplate,
} from './workload-validate.ts';

const TEMPLATE_GENERATION = 'deprecated.daemonset.template.generation';

export const daemonSetStrategy: StrategyParts<DaemonSet> = {
  generation: 'spec',
  defaults: defaultDaemonSet,
  prepareForCreate: (object) => {
    const meta = metaOf(object);
    meta.annotations = { [TEMPLATE_GENERATION]: '1', ...meta.annotations };
  },
  prepareForUpdate: (object, old) => {
    const before = Number(old.metadata?.annotations?.[TEMPLATE_GENERATION] ?? '1');
    const changed = !equalJson(object.spec?.template, old.spec?.template);
    const meta = metaOf(object);
    meta.annotations = { ...meta.annotations, [TEMPLATE_GENERATION]: String(before + (changed ? 1 : 0)) };
  },
  validate: validateDaemonSet,
  validateUpdate: (object, old) => [
    ...validateImmutable(object.spec?.selector, old.spec?.selector, 'spec.selector'),
    ...validateDaemonSet(object),
  ],
};

function defaultDaemonSet({ spec }: DaemonSet): void {
  if (spec === undefined) return;
  if (spec.template?.spec) defaultPodSpec(spec.template.spec);
  const strategy = (spec.updateStrategy ??= {});
  strategy.type ??= 'RollingUpdate';
  if (strategy.type === 'RollingUpdate') {
    strategy.rollingUpdate ??= {};
    strategy.rollingUpdate.maxUnavailable ??= 1;
    strategy.rollingUpdate.maxSurge ??= 0;
  }
  spec.revisionHistoryLimit ??= 10;
}

function validateDaemonSet({ spec }: DaemonSet): FieldError[] {
  const selector = spec?.selector;
  return [
    ...(isJsonObject(selector) ? validateSelector(selector) : []),
    ...validateTemplate(spec?.template, selector),
    ...validateCounts({
      minReadySeconds: spec?.minReadySeconds,
      revisionHistoryLimit: spec?.revisionHistoryLimit,
    }),
    ...validateUpdateStrategy(spec?.updateStrategy),
  ];
}

function validateUpdateStrategy(strategy: DaemonSetSpec['updateStrategy']): FieldError[] {
  const path = 'spec.updateStrategy';
  const { type = '', rollingUpdate } = strategy ?? {};
  if (type === 'OnDelete') return [];
  if (type !== 'RollingUpdate') return [notSupported(path, type, ['OnDelete', 'RollingUpdate'])];
  if (!rollingUpdate) return [required(`${path}.rollingUpdate`)];
  const { maxUnavailable, maxSurge } = rollingUpdate;
  const at = `${path}.rollingUpdate`;
  const errors = [
    ...validateIntOrPercent(maxUnavailable, `${at}.maxUnavailable`),
    ...validateIntOrPercent(maxSurge, `${at}.maxSurge`),
  ];
  if (isZero(maxUnavailable) && isZero(maxSurge)) {
    errors.push(required(`${at}.maxUnavailable`, 'cannot be 0 when maxSurge is 0'));
  } else if (!isZero(maxUnavailable) && !isZero(maxSurge)) {
    errors.push(invalid(`${at}.maxSurge`, maxSurge, 'may not be set when maxUnavailable is non-zero'));
  }
  return errors;
}
