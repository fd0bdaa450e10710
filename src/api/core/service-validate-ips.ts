import type { Service } from '#api/core/v1.gen.ts';
import { duplicate, type FieldError, invalid, notSupported, required } from '#api/machinery/field-error.ts';
import { validateIp } from '#api/machinery/ip-fields.ts';
import { CLUSTER_IP_NONE, isHeadless } from './service-facts.ts';

const FAMILIES = ['IPv4', 'IPv6'];
const POLICIES = ['SingleStack', 'PreferDualStack', 'RequireDualStack'];
const MAX_IPS = 2;

/** Findings about clusterIP, clusterIPs, ipFamilies and ipFamilyPolicy together. ExternalName is judged elsewhere. */
export function validateClusterIpFields(service: Service): FieldError[] {
  const { spec } = service;
  if (spec?.type === 'ExternalName') return [];
  const errors = [...validateAgreement(service), ...validateFamilies(spec?.ipFamilies ?? [])];
  const policy = spec?.ipFamilyPolicy ?? undefined;
  if (policy !== undefined && !POLICIES.includes(policy)) {
    errors.push(notSupported('spec.ipFamilyPolicy', policy, POLICIES));
  }
  const clusterIps = spec?.clusterIPs ?? [];
  const malformed = validateAddresses(clusterIps);
  errors.push(...malformed);
  if (clusterIps.length > MAX_IPS)
    errors.push(invalid('spec.clusterIPs', clusterIps, 'may only hold up to 2 values'));
  if (malformed.length > 0) return errors;
  if (clusterIps.length > 1 && new Set(clusterIps.map(familyOf)).size < 2) {
    errors.push(invalid('spec.clusterIPs', clusterIps, 'may specify no more than one IP for each IP family'));
  }
  if (!isHeadless(service)) errors.push(...validateFamilyMatch(service));
  return errors;
}

function familyOf(address: string): string {
  return address.includes(':') ? 'IPv6' : 'IPv4';
}

function validateAgreement({ spec }: Service): FieldError[] {
  const single = spec?.clusterIP ?? '';
  const all = spec?.clusterIPs ?? [];
  if (single === '') {
    return all.length === 0
      ? []
      : [invalid('spec.clusterIPs', all, 'must be empty when `clusterIP` is not specified')];
  }
  if (all.length === 0) return [required('spec.clusterIPs')];
  return all[0] === single ? [] : [invalid('spec.clusterIPs', all, 'first value must match `clusterIP`')];
}

function validateFamilies(families: readonly string[]): FieldError[] {
  return families.flatMap((family, index) => {
    const path = `spec.ipFamilies[${index}]`;
    if (!FAMILIES.includes(family)) return [notSupported(path, family, FAMILIES)];
    return families.indexOf(family) < index ? [duplicate(path, family)] : [];
  });
}

function validateAddresses(clusterIps: readonly string[]): FieldError[] {
  return clusterIps.flatMap((address, index) => {
    if (index === 0 && address === CLUSTER_IP_NONE) {
      const text = "'None' must be the first and only value";
      return clusterIps.length > 1 ? [invalid('spec.clusterIPs', clusterIps, text)] : [];
    }
    return validateIp(address, `spec.clusterIPs[${index}]`);
  });
}

function validateFamilyMatch({ spec }: Service): FieldError[] {
  const families = spec?.ipFamilies ?? [];
  return (spec?.clusterIPs ?? []).flatMap((address, index) => {
    const family = families[index];
    if (family === undefined || !FAMILIES.includes(family) || familyOf(address) === family) return [];
    const text = `expected an ${family} value as indicated by \`ipFamilies[${index}]\``;
    return [invalid(`spec.clusterIPs[${index}]`, address, text)];
  });
}
