import { validateHostname } from '#api/core/service-validate-update.ts';
import { type FieldError, invalid, notSupported, required } from '#api/machinery/field-error.ts';
import { validateIp } from '#api/machinery/ip-fields.ts';
import {
  dns1123Label,
  dns1123Subdomain,
  pathSegmentName,
  portName,
  portNumber,
  wildcardDns1123Subdomain,
} from '#api/machinery/names.ts';
import type { StrategyParts } from '#api/machinery/strategy-parts.ts';
import type { HTTPIngressPath, Ingress, IngressBackend } from '#api/networking/v1.gen.ts';
import { parseIp } from '#lib/ip.ts';

const PATH_TYPES = ['Exact', 'ImplementationSpecific', 'Prefix'];
const CLASS_ANNOTATION = 'kubernetes.io/ingress.class';
/** Sequences that make two spellings of one path, so that rules could be evaded. */
const AMBIGUOUS = ['//', '/./', '/../', '%2f', '%2F'];
const AMBIGUOUS_ENDS = ['/..', '/.'];

export const ingressStrategy: StrategyParts<Ingress> = {
  generation: 'spec',
  validate: validateIngress,
  validateUpdate: (ingress) => validateSpec(ingress),
  validateStatusUpdate: ({ status }) =>
    (status?.loadBalancer?.ingress ?? []).flatMap(({ ip = '', hostname = '' }, index) => {
      const path = `status.loadBalancer.ingress[${index}]`;
      return [
        ...(ip === '' ? [] : validateIp(ip, `${path}.ip`)),
        ...validateHostname(hostname, `${path}.hostname`),
      ];
    }),
  warnings: ({ metadata, spec }, old) =>
    old !== undefined || spec?.ingressClassName || metadata?.annotations?.[CLASS_ANNOTATION] === undefined
      ? []
      : [`annotation "${CLASS_ANNOTATION}" is deprecated, please use 'spec.ingressClassName' instead`],
};

function validateIngress(ingress: Ingress): FieldError[] {
  const annotation = ingress.metadata?.annotations?.[CLASS_ANNOTATION];
  const errors = validateSpec(ingress);
  const name = ingress.spec?.ingressClassName;
  if (annotation !== undefined && typeof name === 'string' && annotation !== name) {
    const text = 'must match `ingressClassName` when both are specified';
    errors.push(invalid(`annotations.${CLASS_ANNOTATION}`, annotation, text));
  }
  return errors;
}

function validateSpec({ spec }: Ingress): FieldError[] {
  const rules = spec?.rules ?? [];
  const errors: FieldError[] = [];
  if (rules.length === 0 && !spec?.defaultBackend) {
    errors.push(invalid('spec', rules, 'either `defaultBackend` or `rules` must be specified'));
  }
  if (spec?.defaultBackend) errors.push(...validateBackend(spec.defaultBackend, 'spec.defaultBackend'));
  rules.forEach(({ host = '', http }, index) => {
    const path = `spec.rules[${index}]`;
    errors.push(...validateHost(host, `${path}.host`));
    if (http && (http.paths ?? []).length === 0) errors.push(required(`${path}.http.paths`));
    http?.paths?.forEach((item, at) => errors.push(...validatePath(item, `${path}.http.paths[${at}]`)));
  });
  spec?.tls?.forEach(({ hosts, secretName = '' }, index) => {
    const path = `spec.tls[${index}]`;
    hosts?.forEach((host, at) => errors.push(...validateName(host, `${path}.hosts[${at}]`)));
    if (secretName !== '')
      errors.push(
        ...dns1123Subdomain(secretName).map((text) => invalid(`${path}.secretName`, secretName, text)),
      );
  });
  const name = spec?.ingressClassName;
  if (typeof name === 'string')
    errors.push(...dns1123Subdomain(name).map((text) => invalid('spec.ingressClassName', name, text)));
  return errors;
}

/** A host of a rule is a name, never an address. */
function validateHost(host: string, path: string): FieldError[] {
  if (host === '') return [];
  const errors =
    parseIp(host) === undefined ? [] : [invalid(path, host, 'must be a DNS name, not an IP address')];
  return [...errors, ...validateName(host, path)];
}

function validateName(host: string, path: string): FieldError[] {
  const check = host.includes('*') ? wildcardDns1123Subdomain : dns1123Subdomain;
  return check(host).map((text) => invalid(path, host, text));
}

function validatePath({ path = '', pathType, backend }: HTTPIngressPath, at: string): FieldError[] {
  const errors: FieldError[] = [];
  if (typeof pathType !== 'string') return [required(`${at}.pathType`, 'pathType must be specified')];
  if (pathType === 'Exact' || pathType === 'Prefix') {
    if (!path.startsWith('/')) errors.push(invalid(`${at}.path`, path, 'must be an absolute path'));
    else {
      for (const text of AMBIGUOUS)
        if (path.includes(text)) errors.push(invalid(`${at}.path`, path, `must not contain '${text}'`));
      for (const text of AMBIGUOUS_ENDS)
        if (path.endsWith(text)) errors.push(invalid(`${at}.path`, path, `cannot end with '${text}'`));
    }
  } else if (pathType === 'ImplementationSpecific') {
    if (path !== '' && !path.startsWith('/'))
      errors.push(invalid(`${at}.path`, path, 'must be an absolute path'));
  } else errors.push(notSupported(`${at}.pathType`, pathType, PATH_TYPES));
  return [...errors, ...validateBackend(backend, `${at}.backend`)];
}

function validateBackend({ service, resource }: IngressBackend, path: string): FieldError[] {
  if (service && resource) return [invalid(path, '', 'cannot set both resource and service backends')];
  if (resource) return validateResource(resource, `${path}.resource`);
  if (!service) return [required(path, 'must specify a service or resource backend')];
  const errors =
    service.name === ''
      ? [required(`${path}.service.name`)]
      : dns1123Label(service.name).map((text) => invalid(`${path}.service.name`, service.name, text));
  const { name = '', number = 0 } = service.port ?? {};
  if (name !== '' && number !== 0)
    return [...errors, invalid(path, '', 'cannot set both port name & port number')];
  if (name !== '')
    return [...errors, ...portName(name).map((text) => invalid(`${path}.service.port.name`, name, text))];
  if (number !== 0)
    return [
      ...errors,
      ...portNumber(number).map((text) => invalid(`${path}.service.port.number`, number, text)),
    ];
  return [...errors, required(path, 'port name or number is required')];
}

/** Findings about a reference to an object of the same namespace. */
export function validateResource(
  { apiGroup, kind, name }: { apiGroup?: string | undefined; kind: string; name: string },
  path: string,
): FieldError[] {
  const errors: FieldError[] = [];
  if (apiGroup)
    errors.push(...dns1123Subdomain(apiGroup).map((text) => invalid(`${path}.apiGroup`, apiGroup, text)));
  if (kind === '') errors.push(required(`${path}.kind`, 'kind is required'));
  else errors.push(...pathSegmentName(kind).map((text) => invalid(`${path}.kind`, kind, text)));
  if (name === '') errors.push(required(`${path}.name`, 'name is required'));
  else errors.push(...pathSegmentName(name).map((text) => invalid(`${path}.name`, name, text)));
  return errors;
}
