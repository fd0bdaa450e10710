import {
  type FieldError,
  forbidden,
  invalid,
  notSupported,
  required,
  tooLong,
} from '#api/machinery/field-error.ts';
import { dns1123Label, domainPrefixedPath } from '#api/machinery/names.ts';
import type { StrategyParts } from '#api/machinery/strategy-parts.ts';
import { validateImmutable } from '#api/machinery/validate-meta.ts';
import type { IngressClass, IngressClassParametersReference } from '#api/networking/v1.gen.ts';
import { validateResource } from './ingress.ts';

const MAX_CONTROLLER = 250;

export const ingressClassStrategy: StrategyParts<IngressClass> = {
  generation: 'spec',
  defaults: ({ spec }) => {
    if (spec?.parameters) spec.parameters.scope ??= 'Cluster';
  },
  validate: validateIngressClass,
  validateUpdate: (object, old) => [
    ...validateIngressClass(object),
    ...validateImmutable(object.spec?.controller, old.spec?.controller, 'spec.controller'),
  ],
};

function validateIngressClass({ spec }: IngressClass): FieldError[] {
  const { controller = '', parameters } = spec ?? {};
  const path = 'spec.controller';
  const errors: FieldError[] = [];
  if (controller === '') errors.push(required(path));
  else {
    if (controller.length > MAX_CONTROLLER) errors.push(tooLong(path, MAX_CONTROLLER));
    errors.push(...domainPrefixedPath(controller).map((text) => invalid(path, controller, text)));
  }
  return parameters ? [...errors, ...validateParameters(parameters)] : errors;
}

function validateParameters(parameters: IngressClassParametersReference): FieldError[] {
  const path = 'spec.parameters';
  const { scope, namespace } = parameters;
  const errors = validateResource(parameters, path);
  if (!scope) return [...errors, required(`${path}.scope`)];
  if (scope === 'Cluster') {
    if (namespace) errors.push(forbidden(`${path}.namespace`, "`parameters.scope` is set to 'Cluster'"));
  } else if (scope === 'Namespace') {
    if (!namespace) errors.push(required(`${path}.namespace`, "`parameters.scope` is set to 'Namespace'"));
    else errors.push(...dns1123Label(namespace).map((text) => invalid(`${path}.namespace`, namespace, text)));
  } else errors.push(notSupported(`${path}.scope`, scope, ['Cluster', 'Namespace']));
  return errors;
}
