import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cellsOf, META } from './columns-support.ts';

const TEMPLATE = {
  metadata: { labels: { a: 'b' } },
  spec: {
    containers: [
      { name: 'c', image: 'i' },
      { name: 'd', image: 'j' },
    ],
  },
};
const WORKLOAD = { replicas: 3, selector: { matchLabels: { a: 'b' } }, template: TEMPLATE };

const ROWS: readonly [string, string, object, unknown[]][] = [
  [
    'ReplicationController',
    'v1/replicationcontrollers',
    {
      spec: { replicas: 3, selector: { a: 'b' }, template: TEMPLATE },
      status: { replicas: 2, readyReplicas: 1 },
    },
    ['a', 3, 2, 1, '60m', 'c,d', 'i,j', 'a=b'],
  ],
  ['PodTemplate', 'v1/podtemplates', { template: TEMPLATE }, ['a', 'c,d', 'i,j', 'a=b']],
  [
    'ResourceQuota',
    'v1/resourcequotas',
    { status: { hard: { pods: '3', 'limits.cpu': '2' }, used: { pods: '1' } } },
    ['a', 'pods: 1/3', 'limits.cpu: 0/2', '60m'],
  ],
  [
    'PersistentVolume',
    'v1/persistentvolumes',
    {
      spec: {
        capacity: { storage: '1Gi' },
        accessModes: ['ReadWriteOnce'],
        claimRef: { namespace: 'n', name: 'c' },
      },
      status: { phase: 'Bound' },
    },
    ['a', '1Gi', 'RWO', '', 'Bound', 'n/c', '', '<unset>', '', '60m', '<unset>'],
  ],
  [
    'PersistentVolumeClaim',
    'v1/persistentvolumeclaims',
    {
      spec: { volumeName: 'v' },
      status: { phase: 'Bound', capacity: { storage: '1Gi' }, accessModes: ['ReadWriteMany'] },
    },
    ['a', 'Bound', 'v', '1Gi', 'RWX', '', '<unset>', '60m', '<unset>'],
  ],
  [
    'Deployment',
    'apps/v1/deployments',
    { spec: WORKLOAD, status: { readyReplicas: 1, updatedReplicas: 2, availableReplicas: 1 } },
    ['a', '1/3', 2, 1, '60m', 'c,d', 'i,j', 'a=b'],
  ],
  [
    'ReplicaSet',
    'apps/v1/replicasets',
    { spec: WORKLOAD, status: { replicas: 3 } },
    ['a', 3, 3, 0, '60m', 'c,d', 'i,j', 'a=b'],
  ],
  ['StatefulSet', 'apps/v1/statefulsets', { spec: WORKLOAD }, ['a', '0/3', '60m', 'c,d', 'i,j']],
  [
    'DaemonSet',
    'apps/v1/daemonsets',
    { spec: { ...WORKLOAD, template: TEMPLATE }, status: { desiredNumberScheduled: 3 } },
    ['a', 3, 0, 0, 0, 0, '<none>', '60m', 'c,d', 'i,j', 'a=b'],
  ],
  [
    'ControllerRevision',
    'apps/v1/controllerrevisions',
    {
      revision: 4,
      metadata: {
        ...META,
        ownerReferences: [{ apiVersion: 'apps/v1', kind: 'DaemonSet', name: 'd', controller: true }],
      },
    },
    ['a', 'daemonset.apps/d', 4, '60m'],
  ],
  [
    'Job',
    'batch/v1/jobs',
    {
      spec: { parallelism: 2, template: TEMPLATE },
      status: { succeeded: 1, startTime: '2026-01-01T00:30:00Z' },
    },
    ['a', 'Running', '1/1 of 2', '30m', '60m', 'c,d', 'i,j', '<none>'],
  ],
  [
    'complete Job',
    'batch/v1/jobs',
    {
      spec: { completions: 2, template: TEMPLATE },
      status: {
        succeeded: 2,
        conditions: [{ type: 'Complete', status: 'True' }],
        startTime: '2026-01-01T00:30:00Z',
        completionTime: '2026-01-01T00:31:00Z',
      },
    },
    ['a', 'Complete', '2/2', '60s', '60m', 'c,d', 'i,j', '<none>'],
  ],
  [
    'CronJob',
    'batch/v1/cronjobs',
    { spec: { schedule: '* * * * *', suspend: true, jobTemplate: { spec: { template: TEMPLATE } } } },
    ['a', '* * * * *', '<none>', 'True', 0, '<none>', '60m', 'c,d', 'i,j', '<none>'],
  ],
  ['Lease', 'coordination.k8s.io/v1/leases', { spec: { holderIdentity: 'h' } }, ['a', 'h', '60m']],
  [
    'EndpointSlice',
    'discovery.k8s.io/v1/endpointslices',
    {
      addressType: 'IPv4',
      endpoints: [{ addresses: ['192.0.2.1'] }],
      ports: [{ port: 80 }, { name: 'x' }, {}],
    },
    ['a', 'IPv4', '80,x,*', '192.0.2.1', '60m'],
  ],
  [
    'Ingress',
    'networking.k8s.io/v1/ingresses',
    {
      spec: {
        ingressClassName: 'c',
        tls: [{}],
        rules: [{ host: 'a' }, { host: 'b' }, { host: 'c' }, { host: 'd' }],
      },
      status: { loadBalancer: { ingress: [{ hostname: 'a-rather-long-name' }] } },
    },
    ['a', 'c', 'a,b,c + 1 more...', 'a-rather-long...', '80, 443', '60m'],
  ],
  [
    'IngressClass',
    'networking.k8s.io/v1/ingressclasses',
    {
      metadata: { ...META, annotations: { 'ingressclass.kubernetes.io/is-default-class': 'true' } },
      spec: { controller: 'x/y', parameters: { kind: 'K', name: 'n', apiGroup: 'g' } },
    },
    ['a (default)', 'x/y', 'K.g/n', '60m'],
  ],
  ['NetworkPolicy', 'networking.k8s.io/v1/networkpolicies', { spec: {} }, ['a', '<none>', '60m']],
  [
    'ServiceCIDR',
    'networking.k8s.io/v1/servicecidrs',
    { spec: { cidrs: ['10.0.0.0/8', 'fd00::/112'] } },
    ['a', '10.0.0.0/8,fd00::/112', '60m'],
  ],
  [
    'IPAddress',
    'networking.k8s.io/v1/ipaddresses',
    { spec: { parentRef: { resource: 'services', namespace: 'n', name: 's' } } },
    ['a', 'services/n/s', '60m'],
  ],
  [
    'RoleBinding',
    'rbac.authorization.k8s.io/v1/rolebindings',
    {
      roleRef: { kind: 'Role', name: 'r' },
      subjects: [
        { kind: 'User', name: 'u' },
        { kind: 'Group', name: 'g' },
        { kind: 'ServiceAccount', namespace: 'n', name: 's' },
      ],
    },
    ['a', 'Role/r', '60m', 'u', 'g', 'n/s'],
  ],
  [
    'ClusterRole (default columns)',
    'rbac.authorization.k8s.io/v1/clusterroles',
    {},
    ['a', META.creationTimestamp],
  ],
  [
    'HorizontalPodAutoscaler',
    'autoscaling/v2/horizontalpodautoscalers',
    {
      spec: {
        scaleTargetRef: { kind: 'D', name: 'd' },
        maxReplicas: 3,
        metrics: [
          {
            type: 'Resource',
            resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 80 } },
          },
        ],
      },
    },
    ['a', 'D/d', 'cpu: <unknown>/80%', '<unset>', 3, 0, '60m'],
  ],
  [
    'PodDisruptionBudget',
    'policy/v1/poddisruptionbudgets',
    { spec: { minAvailable: '50%' } },
    ['a', '50%', 'N/A', 0, '60m'],
  ],
  [
    'PriorityClass',
    'scheduling.k8s.io/v1/priorityclasses',
    { value: 5, preemptionPolicy: 'Never' },
    ['a', 5, false, '60m', 'Never'],
  ],
  [
    'StorageClass',
    'storage.k8s.io/v1/storageclasses',
    { provisioner: 'p' },
    ['a', 'p', 'Delete', 'Immediate', false, '60m'],
  ],
  [
    'APIService',
    'apiregistration.k8s.io/v1/apiservices',
    {
      spec: { service: { namespace: 'n', name: 's' } },
      status: { conditions: [{ type: 'Available', status: 'False', reason: 'R' }] },
    },
    ['a', 'n/s', 'False (R)', '60m'],
  ],
  [
    'CertificateSigningRequest',
    'certificates.k8s.io/v1/certificatesigningrequests',
    {
      spec: { signerName: 's', username: 'u', expirationSeconds: 60 },
      status: { conditions: [{ type: 'Approved' }], certificate: 'AA==' },
    },
    ['a', '60m', 's', 'u', '60s', 'Approved,Issued'],
  ],
];
for (const [what, resource, object, expected] of ROWS) {
  test(`the row of a ${what} is as kubectl shows it`, () =>
    assert.deepEqual(cellsOf(resource, object), expected));
}
