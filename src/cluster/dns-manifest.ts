import type { EnvVar, ServiceSpec, Volume, VolumeMount } from '#api/core/v1.gen.ts';
import type { FamilyPlan } from './plan-addresses.ts';

/** What the manifests of cluster DNS and of the nodes' caches have in common. */

export const DNS_NAMESPACE = 'kube-system';
/** The label by which everybody finds a cluster's DNS, whatever program it is. */
export const DNS_LABELS = { 'k8s-app': 'kube-dns' };
/** Below a folder of the image that mount points can be made in. */
export const CONFIG_PATH = '/var/cache/coredns';
export const KUBE_DNS_PATH = '/var/cache/kube-dns';
const CACHE_PATH = '/var/cache/portolan';

/** A Service in front of cluster DNS, by the address that each family has for it. */
export function dnsServiceSpec(
  families: readonly FamilyPlan[],
  addressOf: (family: FamilyPlan) => string,
): ServiceSpec {
  const clusterIPs = families.map(addressOf);
  return {
    selector: DNS_LABELS,
    clusterIP: clusterIPs[0],
    clusterIPs,
    ipFamilyPolicy: families.length > 1 ? 'RequireDualStack' : 'SingleStack',
    ipFamilies: families.map(({ family }) => `IPv${family}` as const),
    ports: [
      { name: 'dns', port: 53, targetPort: 'dns', protocol: 'UDP' },
      { name: 'dns-tcp', port: 53, targetPort: 'dns-tcp', protocol: 'TCP' },
    ],
  };
}

/** A pod's volumes and where its container has them. */
export interface DnsVolumes {
  readonly volumes: Volume[];
  readonly volumeMounts: VolumeMount[];
  readonly env: EnvVar[];
}

/**
 * Its Corefile, the ConfigMap `kube-dns` of users (stub domains, other name servers for the world), and the host's
 * directory of compiled code where there is one.
 */
export function dnsVolumes(config: Volume['configMap'], compileCache: string | undefined): DnsVolumes {
  const kept = compileCache !== undefined;
  const hostPath = { path: compileCache ?? '', type: 'DirectoryOrCreate' };
  return {
    volumes: [
      { name: 'config', configMap: config },
      { name: 'kube-dns', configMap: { name: 'kube-dns', optional: true } },
      ...(kept ? [{ name: 'compiled', hostPath }] : []),
    ],
    volumeMounts: [
      { name: 'config', mountPath: CONFIG_PATH, readOnly: true },
      { name: 'kube-dns', mountPath: KUBE_DNS_PATH, readOnly: true },
      ...(kept ? [{ name: 'compiled', mountPath: CACHE_PATH }] : []),
    ],
    env: kept ? [{ name: 'NODE_COMPILE_CACHE', value: CACHE_PATH }] : [],
  };
}
