// What is special about Services. Addresses and ports are allocated by the API server (service-families.ts tells it
// which); everything that only looks at the objects is here.
import type { Service } from '#api/core/v1.gen.ts';
import type { StrategyParts } from '#api/machinery/strategy-parts.ts';
import { LABEL_NAME } from '#api/machinery/validate-meta.ts';
import { dropTypeDependentFields, keepAllocatedValues, normalizeClusterIps } from './service-changes.ts';
import { defaultService } from './service-defaults.ts';
import { validateService } from './service-validate.ts';
import { validateServiceStatus, validateServiceUpdate } from './service-validate-update.ts';
import { serviceWarnings } from './service-warnings.ts';

export const serviceStrategy: StrategyParts<Service> = {
  allowCreateOnUpdate: true,
  checkName: LABEL_NAME,
  defaults: defaultService,
  prepareForCreate: (service) => {
    service.status = { loadBalancer: {} };
    dropInternalPolicy(service);
    normalizeClusterIps(service);
  },
  prepareForUpdate: (service, old) => {
    dropInternalPolicy(service);
    keepAllocatedValues(service, old);
    normalizeClusterIps(service, old);
    dropTypeDependentFields(service, old);
  },
  validate: validateService,
  validateUpdate: validateServiceUpdate,
  validateStatusUpdate: validateServiceStatus,
  warnings: serviceWarnings,
  selectableFields: ({ spec }) => ({
    'spec.clusterIP': spec?.clusterIP ?? '',
    'spec.type': spec?.type ?? '',
  }),
};

/** An ExternalName has no endpoints to choose from, so the policy is not kept (an empty one is an error). */
function dropInternalPolicy({ spec }: Service): void {
  if (spec?.type === 'ExternalName' && spec.internalTrafficPolicy) delete spec.internalTrafficPolicy;
}
