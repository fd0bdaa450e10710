import { equalJson } from '#api/machinery/equal.ts';
import { type FieldError, invalid, required, tooMany } from '#api/machinery/field-error.ts';
import { validateCidr } from '#api/machinery/ip-fields.ts';
import { dns1123Subdomain, pathSegmentName } from '#api/machinery/names.ts';
import type { StrategyParts } from '#api/machinery/strategy-parts.ts';
import { PATH_NAME, validateImmutable } from '#api/machinery/validate-meta.ts';
import type { IPAddress, ServiceCIDR } from '#api/networking/v1.gen.ts';
import { Cidr, isCanonicalIp } from '#lib/ip.ts';

const MAX_CIDRS = 2;

export const serviceCidrStrategy: StrategyParts<ServiceCIDR> = {
  validate: validateServiceCidr,
  validateUpdate: (object, old) => [...validateChange(object, old), ...validateServiceCidr(object)],
};

function validateServiceCidr({ spec }: ServiceCIDR): FieldError[] {
  const path = 'spec.cidrs';
  const cidrs = spec?.cidrs ?? [];
  if (cidrs.length === 0) return [required(path, 'at least one CIDR required')];
  if (cidrs.length > MAX_CIDRS) return [tooMany(path, cidrs.length, MAX_CIDRS)];
  const errors = cidrs.flatMap((text, index) => {
    const at = `${path}[${index}]`;
    const malformed = validateCidr(text, at);
    const parsed = Cidr.parse(text);
    if (parsed === undefined || malformed.length > 0) return malformed;
    const canonical = `${parsed.network}/${parsed.prefixLength}`;
    return canonical === text
      ? []
      : [invalid(at, text, `must be in canonical form (${JSON.stringify(canonical)})`)];
  });
  const families = new Set(cidrs.map((text) => (text.includes(':') ? 6 : 4)));
  if (errors.length === 0 && families.size < cidrs.length) {
    errors.push(invalid(path, cidrs, 'may specify no more than one CIDR for each IP family'));
  }
  return errors;
}

/** A second family may be added; what is there stays. */
function validateChange({ spec }: ServiceCIDR, old: ServiceCIDR): FieldError[] {
  const cidrs = spec?.cidrs ?? [];
  const before = old.spec?.cidrs ?? [];
  if (equalJson(cidrs, before)) return [];
  if (before.length === 1 && cidrs.length === 2) {
    return cidrs[0] === before[0] ? [] : [invalid('spec.cidrs[0]', cidrs[0], 'field is immutable')];
  }
  if (before.length === 1 && cidrs.length === 1)
    return [invalid('spec.cidrs[0]', cidrs[0], 'field is immutable')];
  return [invalid('spec.cidrs', cidrs, 'field is immutable')];
}

export const ipAddressStrategy: StrategyParts<IPAddress> = {
  // The name is the address.
  checkName: (name, prefix) =>
    prefix || (isCanonicalIp(name) && !name.startsWith('::ffff:'))
      ? PATH_NAME(name, prefix)
      : ['must be an IP address in canonical form'],
  validate: validateIpAddress,
  validateUpdate: (object, old) =>
    validateImmutable(object.spec?.parentRef, old.spec?.parentRef, 'spec.parentRef'),
};

function validateIpAddress({ spec }: IPAddress): FieldError[] {
  const path = 'spec.parentRef';
  const parent = spec?.parentRef;
  if (!parent) return [required(path)];
  const { group = '', resource, name } = parent;
  const errors: FieldError[] = [];
  if (group !== '')
    errors.push(...dns1123Subdomain(group).map((text) => invalid(`${path}.group`, group, text)));
  if (!resource) errors.push(required(`${path}.resource`));
  else errors.push(...pathSegmentName(resource).map((text) => invalid(`${path}.resource`, resource, text)));
  if (!name) errors.push(required(`${path}.name`));
  return errors;
}
