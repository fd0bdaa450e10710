/** Cluster roles for the parts of the cluster: nodes, proxies, DNS, scheduler, controller manager. */
import { allow, events, type NamedRules, READ } from './bootstrap-rules.ts';

const REVIEWS = [
  allow('create', 'authentication.k8s.io', 'tokenreviews'),
  allow('create', 'authorization.k8s.io', 'subjectaccessreviews'),
];

const NODE_RULES = [
  ...REVIEWS,
  allow('create', 'authorization.k8s.io', 'localsubjectaccessreviews'),
  allow(READ, 'core', 'services'),
  allow(`create ${READ}`, 'core', 'nodes'),
  allow('patch update', 'core', 'nodes nodes/status'),
  events(),
  allow(`create delete ${READ}`, 'core', 'pods'),
  allow('patch update', 'core', 'pods/status'),
  allow('create', 'core', 'pods/eviction'),
  allow(READ, 'core', 'configmaps secrets'),
  allow('get', 'core', 'persistentvolumeclaims persistentvolumes'),
  allow('get', 'core', 'endpoints'),
  allow('create', 'core', 'serviceaccounts/token'),
  allow(READ, 'core', 'serviceaccounts'),
  allow('create get update patch delete', 'coordination.k8s.io', 'leases'),
  allow('create get list watch', 'certificates.k8s.io', 'certificatesigningrequests'),
  allow('get', 'storage.k8s.io', 'volumeattachments'),
  allow('create delete get patch update', 'storage.k8s.io', 'csinodes'),
  allow(READ, 'storage.k8s.io', 'csidrivers'),
  allow(READ, 'node.k8s.io', 'runtimeclasses'),
];

const SCHEDULER_RULES = [
  events(),
  allow(`create ${READ} update`, 'coordination.k8s.io', 'leases'),
  allow(READ, 'core', 'namespaces nodes'),
  allow(`delete ${READ}`, 'core', 'pods'),
  allow('create', 'core', 'bindings pods/binding'),
  allow('patch update', 'core', 'pods/status'),
  allow(READ, 'core', 'persistentvolumeclaims persistentvolumes replicationcontrollers services'),
  allow(READ, 'apps', 'replicasets statefulsets'),
  allow(READ, 'policy', 'poddisruptionbudgets'),
  allow(READ, 'storage.k8s.io', 'csidrivers csinodes csistoragecapacities storageclasses volumeattachments'),
  ...REVIEWS,
];

const CONTROLLER_MANAGER_RULES = [
  events(),
  allow(`create ${READ} update`, 'coordination.k8s.io', 'leases'),
  allow('create', 'core', 'secrets serviceaccounts'),
  allow('delete', 'core', 'secrets'),
  allow('get', 'core', 'configmaps namespaces secrets serviceaccounts'),
  allow('update', 'core', 'secrets serviceaccounts'),
  allow('create', 'core', 'serviceaccounts/token'),
  ...REVIEWS,
  // Shared informers of every kind.
  allow('list watch', '*', '*'),
];

export const COMPONENT_ROLES: readonly NamedRules[] = [
  { name: 'system:node', rules: NODE_RULES },
  {
    name: 'system:node-proxier',
    rules: [
      allow('list watch', 'core', 'endpoints services'),
      allow(READ, 'core', 'nodes'),
      allow('list watch', 'discovery.k8s.io', 'endpointslices'),
      allow('list watch', 'networking.k8s.io', 'servicecidrs'),
      events(),
    ],
  },
  { name: 'system:kube-dns', rules: [allow('list watch', 'core', 'endpoints services')] },
  { name: 'system:kube-scheduler', rules: SCHEDULER_RULES },
  {
    name: 'system:volume-scheduler',
    rules: [
      allow(`patch ${READ} update`, 'core', 'persistentvolumes persistentvolumeclaims'),
      allow(READ, 'storage.k8s.io', 'storageclasses'),
    ],
  },
  { name: 'system:kube-controller-manager', rules: CONTROLLER_MANAGER_RULES },
  { name: 'system:auth-delegator', rules: REVIEWS },
  { name: 'system:kube-aggregator', rules: [allow(READ, 'core', 'endpoints services')] },
  {
    name: 'system:kubelet-api-admin',
    rules: [
      allow(READ, 'core', 'nodes'),
      allow('proxy', 'core', 'nodes'),
      allow(
        '*',
        'core',
        'nodes/configz nodes/healthz nodes/log nodes/metrics nodes/pods nodes/proxy nodes/stats',
      ),
    ],
  },
  {
    name: 'system:node-bootstrapper',
    rules: [allow(`create ${READ}`, 'certificates.k8s.io', 'certificatesigningrequests')],
  },
  {
    name: 'system:node-problem-detector',
    rules: [allow('get', 'core', 'nodes'), allow('patch', 'core', 'nodes/status'), events()],
  },
  {
    name: 'system:persistent-volume-provisioner',
    rules: [
      allow(`create delete ${READ}`, 'core', 'persistentvolumes'),
      allow(`${READ} update`, 'core', 'persistentvolumeclaims'),
      allow(READ, 'storage.k8s.io', 'storageclasses'),
      allow('watch', 'core', 'events'),
      events(),
    ],
  },
  {
    name: 'system:heapster',
    rules: [allow(READ, 'core', 'events pods nodes namespaces'), allow(READ, 'extensions', 'deployments')],
  },
];
