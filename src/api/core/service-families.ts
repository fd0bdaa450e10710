// Which IP families a Service has: what the user asked for, completed from the addresses given and from what the
// cluster has. The allocator calls this before it allocates; nothing here allocates.
import type { Service } from '#api/core/v1.gen.ts';
import { type FieldError, invalid } from '#api/machinery/field-error.ts';
import {
  CLUSTER_IP_NONE,
  isHeadless,
  needsClusterIp,
  sameClusterIps,
  sameFamilies,
  specOf,
} from './service-facts.ts';
import { validateClusterIpFields } from './service-validate-ips.ts';

export type IpFamilyName = 'IPv4' | 'IPv6';

const POLICY = 'spec.ipFamilyPolicy';

/**
 * Completes ipFamilyPolicy, ipFamilies and (when a secondary address is released) clusterIPs, in place.
 * `clusterFamilies` are the families that the cluster has Service ranges for, the default first. Returns what makes
 * the request impossible; the Service must then not be allocated. `old` is undefined on create.
 */
export function planServiceFamilies(
  service: Service,
  old: Service | undefined,
  clusterFamilies: readonly string[],
): FieldError[] {
  const spec = specOf(service);
  if (spec.type === 'ExternalName') return [];
  if (old !== undefined) {
    // Whoever prefers dual stack does not gain or lose an address because the cluster changed.
    if (isUnchangedPreference(service, old)) return [];
    if (spec.ipFamilyPolicy === undefined && old.spec?.ipFamilyPolicy)
      spec.ipFamilyPolicy = old.spec.ipFamilyPolicy;
  }
  const shape = validateClusterIpFields(service);
  if (shape.length > 0) return shape;
  const released = old === undefined ? [] : planRelease(service, old);
  if (released.length > 0) return released;
  const asked = [...checkSingleStack(service), ...inferFamilies(service, clusterFamilies)];
  if (asked.length > 0) return asked;
  if (isSelectorless(service)) {
    planSelectorless(service, clusterFamilies);
    return [];
  }
  const impossible = checkCluster(service, clusterFamilies);
  if (impossible.length > 0) return impossible;
  completeFamilies(service, clusterFamilies);
  return [];
}

function isUnchangedPreference(service: Service, old: Service): boolean {
  return (
    service.spec?.type === old.spec?.type &&
    needsClusterIp(service) &&
    service.spec?.ipFamilyPolicy === 'PreferDualStack' &&
    old.spec?.ipFamilyPolicy === 'PreferDualStack' &&
    sameClusterIps(service, old) &&
    sameFamilies(service, old)
  );
}

/** Going from two families to one: only SingleStack may, and then what was left as it was is cut to the first. */
function planRelease(service: Service, old: Service): FieldError[] {
  const spec = specOf(service);
  const policy = spec.ipFamilyPolicy;
  if (policy === 'SingleStack') {
    if (sameClusterIps(service, old)) spec.clusterIPs = spec.clusterIPs?.slice(0, 1);
    if (sameFamilies(service, old)) spec.ipFamilies = spec.ipFamilies?.slice(0, 1);
    if (spec.clusterIPs === undefined) delete spec.clusterIPs;
    if (spec.ipFamilies === undefined) delete spec.ipFamilies;
    return [];
  }
  const errors: FieldError[] = [];
  if (isReduced(spec.clusterIPs, old.spec?.clusterIPs)) {
    errors.push(invalid(POLICY, policy, "must be 'SingleStack' to release the secondary cluster IP"));
  }
  if (isReduced(spec.ipFamilies, old.spec?.ipFamilies)) {
    errors.push(invalid(POLICY, policy, "must be 'SingleStack' to release the secondary IP family"));
  }
  return errors;
}

/** From two values to one; none at all is another matter. */
function isReduced(
  values: readonly string[] | null | undefined,
  old: readonly string[] | null | undefined,
): boolean {
  return values?.length === 1 && old?.length === 2;
}

function checkSingleStack(service: Service): FieldError[] {
  const spec = specOf(service);
  if (spec.ipFamilyPolicy === undefined && isSelectorless(service)) return [];
  if ((spec.ipFamilyPolicy ?? 'SingleStack') !== 'SingleStack') return [];
  const must = "must be 'RequireDualStack' or 'PreferDualStack' when multiple";
  const errors: FieldError[] = [];
  if (spec.clusterIPs?.length === 2)
    errors.push(invalid(POLICY, spec.ipFamilyPolicy, `${must} cluster IPs are specified`));
  if (spec.ipFamilies?.length === 2)
    errors.push(invalid(POLICY, spec.ipFamilyPolicy, `${must} IP families are specified`));
  return errors;
}

/** Families that were not given follow from the addresses that were. */
function inferFamilies(service: Service, clusterFamilies: readonly string[]): FieldError[] {
  const spec = specOf(service);
  const families = [...(spec.ipFamilies ?? [])];
  for (const [index, address] of (spec.clusterIPs ?? []).entries()) {
    if (address === CLUSTER_IP_NONE) break;
    if (index < families.length) continue;
    const family = address.includes(':') ? 'IPv6' : 'IPv4';
    if (!clusterFamilies.includes(family)) {
      const text = `cannot use an ${family} value on a cluster which is not configured for ${family}`;
      return [invalid(`spec.clusterIPs[${index}]`, spec.clusterIPs, text)];
    }
    families.push(family);
  }
  if (families.length > 0) spec.ipFamilies = families;
  return [];
}

function isSelectorless(service: Service): boolean {
  return isHeadless(service) && Object.keys(service.spec?.selector ?? {}).length === 0;
}

/** Nothing is allocated for these, so they may have both families on any cluster. */
function planSelectorless(service: Service, clusterFamilies: readonly string[]): void {
  const spec = specOf(service);
  const families = spec.ipFamilies?.length ? spec.ipFamilies : [clusterFamilies[0] ?? 'IPv4'];
  const alone = families.length === 1 && spec.ipFamilyPolicy !== 'SingleStack';
  spec.ipFamilies = alone ? [...families, otherFamily(families[0])] : [...families];
  spec.ipFamilyPolicy ??= 'RequireDualStack';
}

function otherFamily(family: string | undefined): IpFamilyName {
  return family === 'IPv4' ? 'IPv6' : 'IPv4';
}

function checkCluster({ spec }: Service, clusterFamilies: readonly string[]): FieldError[] {
  const errors: FieldError[] = [];
  if (spec?.ipFamilyPolicy === 'RequireDualStack' && clusterFamilies.length < 2) {
    errors.push(
      invalid(POLICY, spec.ipFamilyPolicy, 'this cluster is not configured for dual-stack services'),
    );
  }
  for (const [index, family] of (spec?.ipFamilies ?? []).entries()) {
    if (!clusterFamilies.includes(family)) {
      errors.push(invalid(`spec.ipFamilies[${index}]`, family, 'not configured on this cluster'));
    }
  }
  return errors;
}

function completeFamilies(service: Service, clusterFamilies: readonly string[]): void {
  const spec = specOf(service);
  const families = spec.ipFamilies?.length ? [...spec.ipFamilies] : [clusterFamilies[0] ?? 'IPv4'];
  spec.ipFamilyPolicy ??= 'SingleStack';
  const wantsTwo = spec.ipFamilyPolicy !== 'SingleStack' && clusterFamilies.length === 2;
  if (wantsTwo && families.length === 1) families.push(otherFamily(families[0]));
  spec.ipFamilies = families;
}
