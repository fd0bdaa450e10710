import type { DaemonSet } from '#api/apps/v1.gen.ts';
import type { ConfigMap, Service } from '#api/core/v1.gen.ts';
import { defaultNodeTemplate } from '#dns/node-cache/plan-node-corefile.ts';
import { CONFIG_MAPS, DAEMON_SETS, SERVICES } from '#kube/resources.ts';
import { formatAddressPort } from '#lib/ip.ts';
import type { ApplyItem } from './apply-objects.ts';
import type { AddressPlan } from './plan-addresses.ts';

const NAMESPACE = 'kube-system';
const NAME = 'node-local-dns';
const UPSTREAM_NAME = 'kube-dns-upstream';
const LABELS = { 'k8s-app': NAME };
const HEALTH_PORT = 8080;
const CACHE_PATH = '/var/cache/portolan';
/** Below a folder of the image that mount points can be made in. */
const CONFIG_PATH = '/var/cache/coredns';
const KUBE_DNS_PATH = '/var/cache/kube-dns';

/**
 * A DNS cache on every node, as Kubernetes' own manifest sets it up. Kubelets tell pods its address, so that the
 * Service `kube-dns` stays with the cluster's DNS.
 */
export function nodeLocalDnsItems(plan: AddressPlan, compileCache: string | undefined): ApplyItem[] {
  return [
    { resource: SERVICES, object: upstreamService(plan) },
    { resource: CONFIG_MAPS, object: config(plan) },
    { resource: DAEMON_SETS, object: daemonSet(plan, compileCache) },
  ];
}

/** The cluster's DNS under an address that no node cache takes for itself. */
function upstreamService({ families }: AddressPlan): Service {
  const clusterIPs = families.map(({ clusterDnsUpstream }) => clusterDnsUpstream);
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: UPSTREAM_NAME, namespace: NAMESPACE, labels: { 'k8s-app': 'kube-dns' } },
    spec: {
      selector: { 'k8s-app': 'kube-dns' },
      clusterIP: clusterIPs[0],
      clusterIPs,
      ipFamilyPolicy: families.length > 1 ? 'RequireDualStack' : 'SingleStack',
      ipFamilies: families.map(({ family }) => `IPv${family}` as const),
      ports: [
        { name: 'dns', port: 53, targetPort: 'dns', protocol: 'UDP' },
        { name: 'dns-tcp', port: 53, targetPort: 'dns-tcp', protocol: 'TCP' },
      ],
    },
  };
}

function config({ families }: AddressPlan): ConfigMap {
  const [first] = families;
  const healthAddress = formatAddressPort(first?.nodeLocalDns ?? '', HEALTH_PORT);
  const Corefile = defaultNodeTemplate({ healthAddress });
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: NAME, namespace: NAMESPACE },
    data: { Corefile },
  };
}

function daemonSet({ families }: AddressPlan, compileCache: string | undefined): DaemonSet {
  const [first] = families;
  const hostPath = { path: compileCache ?? '', type: 'DirectoryOrCreate' };
  const cached = compileCache !== undefined;
  return {
    apiVersion: 'apps/v1',
    kind: 'DaemonSet',
    metadata: { name: NAME, namespace: NAMESPACE, labels: LABELS },
    spec: {
      selector: { matchLabels: LABELS },
      template: {
        metadata: { labels: LABELS },
        spec: {
          hostNetwork: true,
          dnsPolicy: 'Default',
          priorityClassName: 'system-node-critical',
          tolerations: [{ operator: 'Exists' }],
          volumes: [
            {
              name: 'config',
              configMap: { name: NAME, items: [{ key: 'Corefile', path: 'Corefile.base' }] },
            },
            { name: 'kube-dns', configMap: { name: 'kube-dns', optional: true } },
            ...(cached ? [{ name: 'compiled', hostPath }] : []),
          ],
          containers: [
            {
              name: 'node-cache',
              image: 'portolan/portolan',
              args: [
                'node-cache',
                '--localip',
                families.map(({ nodeLocalDns }) => nodeLocalDns).join(','),
                // Known before the Service is: a pod's environment has only what was there when it began.
                '--clusterdns',
                first?.clusterDnsUpstream ?? '',
                '--basecorefile',
                `${CONFIG_PATH}/Corefile.base`,
                '--kubednscm',
                KUBE_DNS_PATH,
              ],
              env: cached ? [{ name: 'NODE_COMPILE_CACHE', value: CACHE_PATH }] : [],
              securityContext: { capabilities: { add: ['NET_ADMIN'] } },
              volumeMounts: [
                { name: 'config', mountPath: CONFIG_PATH, readOnly: true },
                { name: 'kube-dns', mountPath: KUBE_DNS_PATH, readOnly: true },
                ...(cached ? [{ name: 'compiled', mountPath: CACHE_PATH }] : []),
              ],
              ports: [{ name: 'metrics', containerPort: 9253, protocol: 'TCP' }],
              livenessProbe: {
                httpGet: { host: first?.nodeLocalDns, path: '/health', port: HEALTH_PORT },
                failureThreshold: 5,
              },
            },
          ],
        },
      },
    },
  };
}
