import type { Pod } from '#api/core/v1.gen.ts';

/** What a pod calls itself. */
export interface PodNames {
  /** Of the UTS namespace and /etc/hostname. */
  hostname: string;
  /** In /etc/hosts; absent without a subdomain. */
  fqdn?: string;
}

/** Linux holds a host name of 64 bytes. */
const HOSTNAME_LIMIT = 64;

/** spec.hostname or the pod's name as a DNS label, with `<subdomain>.<namespace>.svc.<domain>`. Throws when an FQDN that is to be the host name is too long. */
export function planHostname(pod: Pod, clusterDomain: string, nodeName: string): PodNames {
  if (pod.spec?.hostNetwork === true) return { hostname: nodeName };
  const wanted = pod.spec?.hostname || (pod.metadata?.name ?? '');
  const override = pod.spec?.hostnameOverride;
  if (override) return { hostname: override };
  const hostname = wanted.slice(0, 63).replace(/[-.]+$/, '');
  const subdomain = pod.spec?.subdomain;
  if (!subdomain) return { hostname };
  const fqdn = `${hostname}.${subdomain}.${pod.metadata?.namespace ?? ''}.svc.${clusterDomain}`;
  if (pod.spec?.setHostnameAsFQDN !== true) return { hostname, fqdn };
  if (fqdn.length > HOSTNAME_LIMIT) {
    throw new Error(
      `failed to construct FQDN from pod hostname and cluster domain, FQDN ${fqdn} is too long (${HOSTNAME_LIMIT} characters is the max, ${fqdn.length} characters requested)`,
    );
  }
  return { hostname: fqdn, fqdn };
}
