import assert from 'node:assert/strict';
import { test } from 'node:test';
import { canonicalize } from './machinery/canonical.ts';
import { kindFor } from './machinery/kinds.ts';
import { tableRow } from './machinery/table.ts';

const NOW = Date.parse('2026-01-01T01:00:00Z');
const META = { name: 'a', creationTimestamp: '2026-01-01T00:00:00Z' };

function cellsOf(resource: string, object: object): unknown[] {
  const [plural = '', version = '', group = ''] = resource.split('/').reverse();
  const kind = kindFor(group, version, plural);
  assert.ok(kind, resource);
  return tableRow(kind, canonicalize(kind.type, { metadata: META, ...object }), NOW).cells;
}

const SERVICE = {
  ports: [
    { port: 80, protocol: 'TCP', nodePort: 30080 },
    { port: 53, protocol: 'UDP' },
  ],
  clusterIP: '10.0.0.1',
  clusterIPs: ['10.0.0.1'],
};
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
const running = (name: string, more: object = {}) => ({
  name,
  ready: true,
  restartCount: 0,
  started: true,
  state: { running: {} },
  ...more,
});
const ended = (state: object) => ({
  name: 'c',
  ready: false,
  restartCount: 2,
  lastState: { terminated: { exitCode: 1, finishedAt: '2026-01-01T00:59:00Z' } },
  state,
});
const POD = {
  spec: { nodeName: 'n', containers: [{ name: 'c' }], readinessGates: [{ conditionType: 'x' }] },
};
const pod = (status: object, meta: object = {}) => ({ ...POD, status, metadata: { ...META, ...meta } });

const ROWS: readonly [string, string, object, unknown[]][] = [
  [
    'Service',
    'v1/services',
    { spec: { ...SERVICE, type: 'NodePort', selector: { b: '2', a: '1' } } },
    ['a', 'NodePort', '10.0.0.1', '<none>', '80:30080/TCP,53/UDP', '60m', 'a=1,b=2'],
  ],
  [
    'pending LoadBalancer',
    'v1/services',
    { spec: { type: 'LoadBalancer' } },
    ['a', 'LoadBalancer', '<none>', '<pending>', '<none>', '60m', '<none>'],
  ],
  [
    'LoadBalancer',
    'v1/services',
    {
      spec: { type: 'LoadBalancer', externalIPs: ['192.0.2.9'] },
      status: { loadBalancer: { ingress: [{ ip: '192.0.2.5' }, { hostname: 'lb' }] } },
    },
    ['a', 'LoadBalancer', '<none>', '192.0.2.5,lb,192.0.2.9', '<none>', '60m', '<none>'],
  ],
  [
    'ExternalName',
    'v1/services',
    { spec: { type: 'ExternalName', externalName: 'x.y' } },
    ['a', 'ExternalName', '<none>', 'x.y', '<none>', '60m', '<none>'],
  ],
  [
    'running pod',
    'v1/pods',
    pod({ phase: 'Running', podIPs: [{ ip: '10.1.1.1' }], containerStatuses: [running('c')] }),
    ['a', '1/1', 'Running', '0', '60m', '10.1.1.1', 'n', '<none>', '0/1'],
  ],
  [
    'crashing pod',
    'v1/pods',
    pod({ phase: 'Running', containerStatuses: [ended({ waiting: { reason: 'CrashLoopBackOff' } })] }),
    ['a', '0/1', 'CrashLoopBackOff', '2 (60s ago)', '60m', '<none>', 'n', '<none>', '0/1'],
  ],
  [
    'failed pod',
    'v1/pods',
    pod({ phase: 'Failed', containerStatuses: [ended({ terminated: { exitCode: 3 } })] }),
    ['a', '0/1', 'ExitCode:3', '2 (60s ago)', '60m', '<none>', 'n', '<none>', '0/1'],
  ],
  [
    'killed pod',
    'v1/pods',
    pod({ phase: 'Failed', containerStatuses: [ended({ terminated: { exitCode: 137, signal: 9 } })] }),
    ['a', '0/1', 'Signal:9', '2 (60s ago)', '60m', '<none>', 'n', '<none>', '0/1'],
  ],
  [
    'completed beside a running one',
    'v1/pods',
    pod({
      phase: 'Running',
      conditions: [{ type: 'Ready', status: 'False' }],
      containerStatuses: [
        { ...ended({ terminated: { exitCode: 0, reason: 'Completed' } }), restartCount: 0 },
        running('d'),
      ],
    }),
    ['a', '1/1', 'NotReady', '0', '60m', '<none>', 'n', '<none>', '0/1'],
  ],
  [
    'terminating pod',
    'v1/pods',
    pod({ phase: 'Running' }, { deletionTimestamp: '2026-01-01T00:59:00Z' }),
    ['a', '0/1', 'Terminating', '0', '60m', '<none>', 'n', '<none>', '0/1'],
  ],
  [
    'lost pod',
    'v1/pods',
    pod({ phase: 'Running', reason: 'NodeLost' }, { deletionTimestamp: '2026-01-01T00:59:00Z' }),
    ['a', '0/1', 'Unknown', '0', '60m', '<none>', 'n', '<none>', '0/1'],
  ],
  [
    'initializing pod',
    'v1/pods',
    {
      spec: { containers: [{ name: 'c' }], initContainers: [{ name: 'i' }, { name: 'j' }] },
      status: {
        phase: 'Pending',
        initContainerStatuses: [
          { ...running('i'), state: { terminated: { exitCode: 0 } } },
          { ...running('j'), state: { waiting: { reason: 'ErrImagePull' } } },
        ],
      },
    },
    ['a', '0/1', 'Init:ErrImagePull', '0', '60m', '<none>', '<none>', '<none>', '<none>'],
  ],
  [
    'failed init',
    'v1/pods',
    {
      spec: { containers: [{ name: 'c' }], initContainers: [{ name: 'i' }] },
      status: {
        phase: 'Pending',
        initContainerStatuses: [{ ...running('i'), state: { terminated: { exitCode: 7 } } }],
      },
    },
    ['a', '0/1', 'Init:ExitCode:7', '0', '60m', '<none>', '<none>', '<none>', '<none>'],
  ],
  [
    'Node',
    'v1/nodes',
    {
      metadata: { ...META, labels: { 'node-role.kubernetes.io/worker': '', 'kubernetes.io/role': 'x' } },
      spec: { unschedulable: true },
      status: {
        conditions: [{ type: 'Ready', status: 'True' }],
        nodeInfo: {
          kubeletVersion: 'v1',
          osImage: 'OS',
          kernelVersion: '6',
          architecture: 'amd64',
          containerRuntimeVersion: 'r',
        },
        addresses: [{ type: 'InternalIP', address: '192.0.2.1' }],
      },
    },
    ['a', 'Ready,SchedulingDisabled', 'worker,x', '60m', 'v1', '192.0.2.1', '<none>', 'OS', '6 (amd64)', 'r'],
  ],
  ['ConfigMap', 'v1/configmaps', { data: { a: 'b' }, binaryData: { c: 'AA==' } }, ['a', 2, '60m']],
  ['Secret', 'v1/secrets', { type: 'Opaque', data: { a: 'YQ==' } }, ['a', 'Opaque', 1, '60m']],
  ['Namespace', 'v1/namespaces', { status: { phase: 'Active' } }, ['a', 'Active', '60m']],
  ['ServiceAccount', 'v1/serviceaccounts', {}, ['a', '60m']],
  [
    'Endpoints',
    'v1/endpoints',
    {
      subsets: [{ addresses: [{ ip: '192.0.2.1' }, { ip: 'fd00::1' }], ports: [{ port: 80 }, { port: 81 }] }],
    },
    ['a', '192.0.2.1:80,[fd00::1]:80,192.0.2.1:81 + 1 more...', '60m'],
  ],
  [
    'Event',
    'v1/events',
    {
      involvedObject: { kind: 'Pod', name: 'p' },
      reason: 'R',
      message: ' m ',
      type: 'Normal',
      count: 3,
      source: { component: 'k', host: 'h' },
      lastTimestamp: '2026-01-01T00:59:00Z',
    },
    ['60s', 'Normal', 'R', 'pod/p', '', 'k, h', 'm', '<unknown>', 3, 'a'],
  ],
  [
    'Event of events.k8s.io',
    'events.k8s.io/v1/events',
    {
      regarding: { kind: 'Pod', name: 'p' },
      reason: 'R',
      note: 'm',
      type: 'Normal',
      eventTime: '2026-01-01T00:59:00.000000Z',
      reportingController: 'c',
    },
    ['60s', 'Normal', 'R', 'pod/p', '', 'c', 'm', '60s', 1, 'a'],
  ],
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
