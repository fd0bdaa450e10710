import type { PodSpec } from '#api/core/v1.gen.ts';
import {
  type FieldError,
  forbidden,
  invalid,
  notSupportedAsListed,
  required,
  tooLong,
} from '#api/machinery/field-error.ts';
import { validateIp } from '#api/machinery/ip-fields.ts';
import {
  byteLength,
  dns1123Label,
  dns1123Subdomain,
  dns1123SubdomainWithUnderscore,
} from '#api/machinery/names.ts';

const DNS_POLICIES = ['ClusterFirstWithHostNet', 'ClusterFirst', 'Default', 'None'];
const MAX_NAMESERVERS = 3;
const MAX_SEARCHES = 32;
const MAX_SEARCH_LENGTH = 2048;
/** What the kernel holds. */
const MAX_HOSTNAME_BYTES = 64;

/** Findings about how a pod's names are resolved, and about its own name. */
export function validatePodDns(spec: PodSpec, path: string): FieldError[] {
  const policy = spec.dnsPolicy ?? '';
  const errors: FieldError[] = [];
  if (policy === '') errors.push(required(`${path}.dnsPolicy`));
  else if (!DNS_POLICIES.includes(policy))
    errors.push(notSupportedAsListed(`${path}.dnsPolicy`, policy, DNS_POLICIES));
  return [...errors, ...validateDnsConfig(spec, `${path}.dnsConfig`), ...validateOwnNames(spec, path)];
}

function validateDnsConfig({ dnsPolicy, dnsConfig }: PodSpec, path: string): FieldError[] {
  if (dnsPolicy === 'None') {
    if (!dnsConfig) return [required(path, 'must provide `dnsConfig` when `dnsPolicy` is None')];
    if ((dnsConfig.nameservers ?? []).length === 0) {
      return [
        required(`${path}.nameservers`, 'must provide at least one DNS nameserver when `dnsPolicy` is None'),
      ];
    }
  }
  const { nameservers, searches, options } = dnsConfig ?? {};
  const errors: FieldError[] = [];
  if ((nameservers ?? []).length > MAX_NAMESERVERS) {
    errors.push(
      invalid(`${path}.nameservers`, nameservers, `must not have more than ${MAX_NAMESERVERS} nameservers`),
    );
  }
  nameservers?.forEach((address, index) =>
    errors.push(...validateIp(address, `${path}.nameservers[${index}]`)),
  );
  if ((searches ?? []).length > MAX_SEARCHES) {
    errors.push(
      invalid(`${path}.searches`, searches, `must not have more than ${MAX_SEARCHES} search paths`),
    );
  }
  if (byteLength((searches ?? []).join(' ')) > MAX_SEARCH_LENGTH) {
    const text = `must not have more than ${MAX_SEARCH_LENGTH} characters (including spaces) in the search list`;
    errors.push(invalid(`${path}.searches`, searches, text));
  }
  searches?.forEach((search, index) => errors.push(...validateSearch(search, `${path}.searches[${index}]`)));
  options?.forEach(({ name = '' }, index) => {
    if (name === '') errors.push(required(`${path}.options[${index}]`, 'must not be empty'));
  });
  return errors;
}

/** A search path may be the root, end in a dot, and have underscores in its labels (KEP-4427). */
function validateSearch(search: string, path: string): FieldError[] {
  if (search === '.') return [];
  const name = search.replace(/\.$/, '');
  return dns1123SubdomainWithUnderscore(name).map((text) => invalid(path, name, text));
}

function validateOwnNames(spec: PodSpec, path: string): FieldError[] {
  const { hostname = '', subdomain = '', hostAliases } = spec;
  const errors = validateHostnameOverride(spec, `${path}.hostnameOverride`);
  if (hostname !== '')
    errors.push(...dns1123Label(hostname).map((text) => invalid(`${path}.hostname`, hostname, text)));
  if (subdomain !== '')
    errors.push(...dns1123Label(subdomain).map((text) => invalid(`${path}.subdomain`, subdomain, text)));
  hostAliases?.forEach((alias, index) => {
    const at = `${path}.hostAliases[${index}]`;
    errors.push(...validateIp(alias.ip, `${at}.ip`));
    alias.hostnames?.forEach((name, item) => {
      errors.push(...dns1123Subdomain(name).map((text) => invalid(`${at}.hostnames[${item}]`, name, text)));
    });
  });
  return errors;
}

function validateHostnameOverride(spec: PodSpec, path: string): FieldError[] {
  const { hostnameOverride, setHostnameAsFQDN, hostNetwork } = spec;
  if (typeof hostnameOverride !== 'string') return [];
  const errors: FieldError[] = [];
  if (setHostnameAsFQDN === true)
    errors.push(forbidden(path, 'may not be specified when setHostnameAsFQDN is true'));
  if (hostNetwork === true) errors.push(forbidden(path, 'may not be specified when hostNetwork is true'));
  if (byteLength(hostnameOverride) > MAX_HOSTNAME_BYTES) errors.push(tooLong(path, MAX_HOSTNAME_BYTES));
  return [
    ...errors,
    ...dns1123Subdomain(hostnameOverride).map((text) => invalid(path, hostnameOverride, text)),
  ];
}
