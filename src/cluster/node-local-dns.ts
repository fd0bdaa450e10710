import type { DaemonSet } from '#api/apps/v1.gen.ts';
import type { ConfigMap, Service } from '#api/core/v1.gen.ts';
import { defaultNodeTemplate } from '#dns/node-cache/plan-node-corefile.ts';
import { CONFIG_MAPS, DAEMON_SETS, SERVICES } from '#kube/resources.ts';
import { formatAddressPort } from '#lib/ip.ts';
import type { ApplyItem } from './apply-objects.ts';
import {
  CONFIG_PATH,
  DNS_LABELS,
  dnsServiceSpec,
  dnsVolumes,
  KUBE_DNS_PATH,
  DNS_NAMESPACE as NAMESPACE,
} from './dns-manifest.ts';
import type { AddressPlan } from './plan-addresses.ts';

const NAME = 'node-local-dns';
const UPSTREAM_NAME = 'kube-dns-upstream';
const LABELS = { 'k8s-app': NAME };
const HEALTH_PORT = 8080;

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
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: UPSTREAM_NAME, namespace: NAMESPACE, labels: DNS_LABELS },
    spec: dnsServiceSpec(families, ({ clusterDnsUpstream }) => clusterDnsUpstream),
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
  const template = { name: NAME, items: [{ key: 'Corefile', path: 'Corefile.base' }] };
  const { volumes, volumeMounts, env } = dnsVolumes(template, compileCache);
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
          volumes,
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
              env,
              securityContext: { capabilities: { add: ['NET_ADMIN'] } },
              volumeMounts,
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
