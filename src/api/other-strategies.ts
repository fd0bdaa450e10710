// Kinds that Portolan stores without acting on them, as far as their bookkeeping differs from the generic one.

import { validateIntOrPercent } from './apps/workload-validate.ts';
import { type FieldError, invalid } from './machinery/field-error.ts';
import type { StrategyParts } from './machinery/strategy-parts.ts';
import { PATH_NAME } from './machinery/validate-meta.ts';
import type { PodDisruptionBudget } from './policy/v1.gen.ts';
import type { PriorityClass } from './scheduling/v1.gen.ts';

export const podDisruptionBudgetStrategy: StrategyParts<PodDisruptionBudget> = {
  allowUnconditionalUpdate: false,
  generation: 'spec',
  checkName: PATH_NAME,
  validate: ({ spec }): FieldError[] => {
    const { minAvailable, maxUnavailable } = spec ?? {};
    const both = minAvailable !== undefined && maxUnavailable !== undefined;
    return [
      ...(both ? [invalid('spec', spec, 'minAvailable and maxUnavailable cannot be both set')] : []),
      ...validateIntOrPercent(minAvailable, 'spec.minAvailable'),
      ...validateIntOrPercent(maxUnavailable, 'spec.maxUnavailable'),
    ];
  },
};

export const priorityClassStrategy: StrategyParts<PriorityClass> = {
  prepareForCreate: (object) => {
    object.metadata = { ...object.metadata, generation: 1 };
  },
  defaults: (object) => {
    object.preemptionPolicy ??= 'PreemptLowerPriority';
  },
};

/** Kinds whose PUT creates, and must carry a resourceVersion when it replaces. */
export const conditionalStrategy: StrategyParts = {
  allowCreateOnUpdate: true,
  allowUnconditionalUpdate: false,
};

/** Kinds that count generations and nothing else. */
export const countedStrategy: StrategyParts = { generation: 'spec' };
