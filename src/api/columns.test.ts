import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cellsOf, META } from './columns-support.ts';

const SERVICE = {
  ports: [
    { port: 80, protocol: 'TCP', nodePort: 30080 },
    { port: 53, protocol: 'UDP' },
  ],
  clusterIP: '10.0.0.1',
  clusterIPs: ['10.0.0.1'],
};
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
];
for (const [what, resource, object, expected] of ROWS) {
  test(`the row of a ${what} is as kubectl shows it`, () =>
    assert.deepEqual(cellsOf(resource, object), expected));
}
