import type { Service } from '#api/core/v1.gen.ts';
import { type FieldError, forbidden, invalid, notSupported, required } from '#api/machinery/field-error.ts';
import { validateIp } from '#api/machinery/ip-fields.ts';
import { dns1123Subdomain } from '#api/machinery/names.ts';
import { parseIp } from '#lib/ip.ts';
import { isHeadless, needsHealthCheckNodePort } from './service-facts.ts';
import { validateService } from './service-validate.ts';

const ONCE = 'may not change once set';
const IP_MODES = ['Proxy', 'VIP'];

/** Findings about a changed Service: what may not change, then everything about the Service itself. */
export function validateServiceUpdate(service: Service, old: Service): FieldError[] {
  return [
    ...validateClusterIpChange(service, old),
    ...validateFamilyChange(service, old),
    ...validateClassChange(service, old),
    ...validateHealthCheckChange(service, old),
    ...validateService(service),
  ];
}

function isExternalName({ spec }: Service): boolean {
  return spec?.type === 'ExternalName';
}

function validateClusterIpChange(service: Service, old: Service): FieldError[] {
  if (isExternalName(service) || isExternalName(old)) return [];
  if (isHeadless(service) && isHeadless(old)) return [];
  return validateFixedList({
    field: 'spec.clusterIPs',
    values: service.spec?.clusterIPs ?? [],
    old: old.spec?.clusterIPs ?? [],
    unset: 'primary clusterIP can not be unset',
    policy: service.spec?.ipFamilyPolicy ?? undefined,
    released: "must be set to 'SingleStack' when releasing the secondary clusterIP",
  });
}

function validateFamilyChange(service: Service, old: Service): FieldError[] {
  if (isExternalName(service) || isExternalName(old)) return [];
  if (isHeadless(service) || isHeadless(old)) return [];
  return validateFixedList({
    field: 'spec.ipFamilies',
    values: service.spec?.ipFamilies ?? [],
    old: old.spec?.ipFamilies ?? [],
    unset: 'primary ipFamily can not be unset',
    policy: service.spec?.ipFamilyPolicy ?? undefined,
    released: "must be set to 'SingleStack' when releasing the secondary ipFamily",
  });
}

interface FixedList {
  readonly field: string;
  readonly values: readonly string[];
  readonly old: readonly string[];
  readonly unset: string;
  readonly policy: string | undefined;
  readonly released: string;
}

/** The first value stays for ever; a second may come, and go when the policy says so. */
function validateFixedList({ field, values, old, unset, policy, released }: FixedList): FieldError[] {
  if (values.length === old.length) {
    return values.flatMap((value, index) =>
      value === old[index] ? [] : [invalid(`${field}[${index}]`, values, ONCE)],
    );
  }
  if (values.length === 0) return [invalid(`${field}[0]`, values, unset)];
  const errors: FieldError[] = [];
  if (old.length > 0 && values[0] !== old[0]) errors.push(invalid(`${field}[0]`, values, ONCE));
  if (values.length < old.length && policy !== 'SingleStack') {
    errors.push(invalid('spec.ipFamilyPolicy', policy, released));
  }
  return errors;
}

function validateClassChange({ spec }: Service, old: Service): FieldError[] {
  if (spec?.type !== 'LoadBalancer' || old.spec?.type !== 'LoadBalancer') return [];
  const same = (spec.loadBalancerClass ?? null) === (old.spec.loadBalancerClass ?? null);
  return same ? [] : [invalid('spec.loadBalancerClass', spec.loadBalancerClass, ONCE)];
}

function validateHealthCheckChange(service: Service, old: Service): FieldError[] {
  if (!needsHealthCheckNodePort(service) || !needsHealthCheckNodePort(old)) return [];
  const same = service.spec?.healthCheckNodePort === old.spec?.healthCheckNodePort;
  return same ? [] : [forbidden('spec.healthCheckNodePort', 'field is immutable')];
}

/** Findings about the addresses that a load balancer announces. */
export function validateServiceStatus(service: Service): FieldError[] {
  const path = 'status.loadBalancer.ingress';
  const ingress = service.status?.loadBalancer?.ingress ?? [];
  if (service.spec?.type !== 'LoadBalancer') {
    const text = 'may only be used when `spec.type` is LoadBalancer';
    return ingress.length === 0 ? [] : [forbidden(path, text)];
  }
  return ingress.flatMap(({ ip = '', ipMode, hostname = '' }, index) => [
    ...(ip === '' ? [] : validateIp(ip, `${path}[${index}].ip`)),
    ...validateIpMode(ip, ipMode ?? undefined, `${path}[${index}].ipMode`),
    ...validateHostname(hostname, `${path}[${index}].hostname`),
  ]);
}

function validateIpMode(ip: string, mode: string | undefined, path: string): FieldError[] {
  if (mode === undefined) return ip === '' ? [] : [required(path, 'must be specified when `ip` is set')];
  if (ip === '') return [forbidden(path, 'may not be specified when `ip` is not set')];
  return IP_MODES.includes(mode) ? [] : [notSupported(path, mode, IP_MODES)];
}

/** Findings about the name of a load balancer. */
export function validateHostname(hostname: string, path: string): FieldError[] {
  if (hostname === '') return [];
  const errors = dns1123Subdomain(hostname).map((text) => invalid(path, hostname, text));
  if (parseIp(hostname) !== undefined)
    errors.push(invalid(path, hostname, 'must be a DNS name, not an IP address'));
  return errors;
}
