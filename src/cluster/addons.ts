import type { Deployment } from '#api/apps/v1.gen.ts';
import type { ConfigMap, Service, ServiceAccount } from '#api/core/v1.gen.ts';
import type { ClusterRole, ClusterRoleBinding } from '#api/rbac/v1.gen.ts';
import {
  CLUSTER_ROLE_BINDINGS,
  CLUSTER_ROLES,
  CONFIG_MAPS,
  DEPLOYMENTS,
  SERVICE_ACCOUNTS,
  SERVICES,
} from '#kube/resources.ts';
import type { ApplyItem } from './apply-objects.ts';
import {
  CONFIG_PATH,
  dnsServiceSpec,
  dnsVolumes,
  KUBE_DNS_PATH,
  DNS_LABELS as LABELS,
  DNS_NAMESPACE as NAMESPACE,
} from './dns-manifest.ts';
import type { AddressPlan } from './plan-addresses.ts';

const DNS_NAME = 'portolan-dns';
/** A process that is killed leaves its queries to the others and to the next one. */
const SURVIVAL = { 'portolan.dev/keep-sockets': 'dns,dns-tcp', 'portolan.dev/stand-in': 'kube-dns' };
const ROLE_NAME = 'portolan:dns';
const STAND_IN_ROLE_NAME = 'portolan:stand-in';

/**
 * What every cluster has running: its DNS, as ordinary pods behind an ordinary Service. `compileCache` is a directory
 * of the host in which their Node keeps compiled code, apart from that of programs outside of pods.
 */
export function addonItems(plan: AddressPlan, compileCache: string | undefined): ApplyItem[] {
  return [
    { resource: SERVICES, object: dnsService(plan) },
    { resource: SERVICE_ACCOUNTS, object: dnsAccount() },
    { resource: CLUSTER_ROLES, object: dnsRole() },
    { resource: CLUSTER_ROLE_BINDINGS, object: dnsRoleBinding() },
    { resource: CLUSTER_ROLES, object: standInRole() },
    { resource: CLUSTER_ROLE_BINDINGS, object: standInRoleBinding() },
    { resource: CONFIG_MAPS, object: dnsConfig(), onlyCreate: true },
    { resource: DEPLOYMENTS, object: dnsDeployment(plan, compileCache) },
  ];
}

function dnsService({ families }: AddressPlan): Service {
  const spec = dnsServiceSpec(families, ({ clusterDns }) => clusterDns);
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: {
      name: 'kube-dns',
      namespace: NAMESPACE,
      labels: { ...LABELS, 'kubernetes.io/cluster-service': 'true', 'kubernetes.io/name': 'CoreDNS' },
    },
    spec: {
      ...spec,
      ports: [...(spec.ports ?? []), { name: 'metrics', port: 9153, targetPort: 'metrics', protocol: 'TCP' }],
    },
  };
}

function dnsAccount(): ServiceAccount {
  return { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: DNS_NAME, namespace: NAMESPACE } };
}

function dnsRole(): ClusterRole {
  return {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRole',
    metadata: { name: ROLE_NAME },
    rules: [
      { apiGroups: [''], resources: ['services', 'pods', 'namespaces'], verbs: ['list', 'watch'] },
      { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: ['list', 'watch'] },
      // About its own pod, when a changed Corefile cannot be taken over.
      { apiGroups: [''], resources: ['events'], verbs: ['create', 'patch'] },
    ],
  };
}

function dnsRoleBinding(): ClusterRoleBinding {
  return {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRoleBinding',
    metadata: { name: ROLE_NAME },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: ROLE_NAME },
    subjects: [{ kind: 'ServiceAccount', name: DNS_NAME, namespace: NAMESPACE }],
  };
}

/** Nodes look for those that answer in the place of a process that was killed. */
function standInRole(): ClusterRole {
  return {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRole',
    metadata: { name: STAND_IN_ROLE_NAME },
    rules: [{ apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: ['list', 'watch'] }],
  };
}

function standInRoleBinding(): ClusterRoleBinding {
  return {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRoleBinding',
    metadata: { name: STAND_IN_ROLE_NAME },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: STAND_IN_ROLE_NAME },
    subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name: 'system:nodes' }],
  };
}

const CONFIG_NAME = 'coredns';

/** As kubeadm's. Edit it: it is taken over at once, and kept. */
function dnsConfig(): ConfigMap {
  const Corefile = `.:53 {
    errors
    health {
       lameduck 5s
    }
    ready
    kubernetes cluster.local in-addr.arpa ip6.arpa {
       pods insecure
       fallthrough in-addr.arpa ip6.arpa
       ttl 30
    }
    prometheus :9153
    forward . /etc/resolv.conf {
       max_concurrent 1000
    }
    cache 30 {
       disable success cluster.local
       disable denial cluster.local
    }
    loop
    reload
    loadbalance
}
`;
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: CONFIG_NAME, namespace: NAMESPACE },
    data: { Corefile },
  };
}

function dnsDeployment({ nodes }: AddressPlan, compileCache: string | undefined): Deployment {
  const { volumes, volumeMounts, env } = dnsVolumes({ name: CONFIG_NAME }, compileCache);
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: DNS_NAME, namespace: NAMESPACE, labels: LABELS },
    spec: {
      // A second one outlives its neighbour's node; more only cost memory.
      replicas: nodes.length > 1 ? 2 : 1,
      selector: { matchLabels: LABELS },
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 1 } },
      template: {
        metadata: { labels: LABELS, annotations: SURVIVAL },
        spec: {
          serviceAccountName: DNS_NAME,
          // The node's name server is the fabric's gateway, which asks those of the host.
          dnsPolicy: 'Default',
          priorityClassName: 'system-cluster-critical',
          volumes,
          containers: [
            {
              name: 'dns',
              image: 'portolan/portolan',
              args: ['dns', '--conf', `${CONFIG_PATH}/Corefile`, '--kube-dns-config', KUBE_DNS_PATH],
              // What is wrong with an edited Corefile is then in the pod's status.
              terminationMessagePolicy: 'FallbackToLogsOnError',
              env,
              volumeMounts,
              ports: [
                { name: 'dns', containerPort: 53, protocol: 'UDP' },
                { name: 'dns-tcp', containerPort: 53, protocol: 'TCP' },
                { name: 'metrics', containerPort: 9153, protocol: 'TCP' },
              ],
              // One 503 is enough: a server that goes has to be left before it is gone. One that is slow is not.
              readinessProbe: {
                httpGet: { path: '/ready', port: 8181 },
                periodSeconds: 1,
                timeoutSeconds: 5,
                failureThreshold: 1,
              },
              livenessProbe: { httpGet: { path: '/health', port: 8080 }, failureThreshold: 5 },
            },
          ],
        },
      },
    },
  };
}
