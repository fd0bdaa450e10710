/** What a pod calls itself. As kubelet decides it. Pure. */
import type { Pod } from '#api/core/v1.gen.ts';
import { dns1123Label, dns1123Subdomain } from '#api/machinery/names.ts';

export interface PodNames {
  /** Of the UTS namespace, /etc/hostname and $HOSTNAME. */
  hostname: string;
  /** In /etc/hosts: the name without the domain. It may have dots, as a pod's name may. */
  short: string;
  /** `<subdomain>.<namespace>.svc.<domain>`; absent without a subdomain. */
  domain?: string;
}

/** The spec asks for a name that cannot be: the sandbox is not made. */
export class HostnameError extends Error {
  override readonly name = 'HostnameError';
}

/** A DNS label; and one byte more is what the kernel holds. */
const MAX_SHORT = 63;
const MAX_KERNEL = 64;

/**
 * hostnameOverride, spec.hostname or the pod's name, with the domain of its subdomain; the node's name on the node's
 * network. Throws HostnameError when an FQDN that is to be the host name is too long, or a name is none.
 */
export function planHostname(pod: Pod, clusterDomain: string, nodeName: string): PodNames {
  const names = planNames(pod, clusterDomain);
  if (pod.spec?.hostNetwork === true) return { ...names, hostname: nodeName };
  if (names.domain === undefined || pod.spec?.setHostnameAsFQDN !== true) return names;
  const fqdn = `${names.short}.${names.domain}`;
  if (fqdn.length > MAX_KERNEL) {
    throw new HostnameError(
      `failed to construct FQDN from pod hostname and cluster domain, FQDN ${fqdn} is too long (${MAX_KERNEL} characters is the max, ${fqdn.length} characters requested)`,
    );
  }
  return { ...names, hostname: fqdn };
}

function planNames({ metadata, spec }: Pod, clusterDomain: string): PodNames {
  const override = spec?.hostnameOverride;
  if (typeof override === 'string') {
    check('HostnameOverride', override, 'subdomain', dns1123Subdomain(override));
    const short = cut(override);
    return { hostname: short, short };
  }
  const wanted = spec?.hostname;
  if (wanted) check('Hostname', wanted, 'label', dns1123Label(wanted));
  const short = cut(wanted || (metadata?.name ?? ''));
  const subdomain = spec?.subdomain;
  if (!subdomain) return { hostname: short, short };
  check('Subdomain', subdomain, 'label', dns1123Label(subdomain));
  return { hostname: short, short, domain: `${subdomain}.${metadata?.namespace ?? ''}.svc.${clusterDomain}` };
}

function check(field: string, value: string, form: string, findings: readonly string[]): void {
  if (findings.length === 0) return;
  throw new HostnameError(
    `pod ${field} ${JSON.stringify(value)} is not a valid DNS ${form}: ${findings.join(';')}`,
  );
}

/** What is cut must not end in a dash or a dot. */
const cut = (name: string): string =>
  name.length <= MAX_SHORT ? name : name.slice(0, MAX_SHORT).replace(/[-.]+$/, '');
