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
    normalizeClusterIps(service);
  },
  prepareForUpdate: (service, old) => {
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
