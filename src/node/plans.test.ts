import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Pod, ResourceRequirements } from '#api/core/v1.gen.ts';
import { formatImageReference, parseImageReference } from './image-reference.ts';
import { capabilitiesInMask, planCapabilities } from './init/capabilities.ts';
import { AddressPool, primaryFirst } from './plan-addresses.ts';
import { planCommand, planProcessEnvironment } from './plan-command.ts';
import { EchoUsageError, echoLine, planEchoPorts } from './plan-echo.ts';
import { formatLogLine, parseLogLine, tailLines, wantsLine } from './plan-log-lines.ts';
import { planNode, planNodeStatus } from './plan-node-object.ts';
import { qosClass } from './plan-qos.ts';
import { formatBackoff, RestartBackoff, restartPolicyOf, shouldRestart } from './plan-restart.ts';
import { planNodeSide, planPodSide, planRemoval, podMac, vethName } from './plan-sandbox-network.ts';
import { planUser } from './plan-user.ts';

test('parseImageReference() completes names as Docker does', () => {
  const cases: [string, string | undefined][] = [
    ['nginx', 'docker.io/library/nginx:latest'],
    ['nginx:1.27', 'docker.io/library/nginx:1.27'],
    ['team/app', 'docker.io/team/app:latest'],
    ['index.docker.io/team/app', 'docker.io/team/app:latest'],
    ['registry.k8s.io/e2e-test-images/agnhost:2.53', 'registry.k8s.io/e2e-test-images/agnhost:2.53'],
    ['localhost:5000/a/b:c', 'localhost:5000/a/b:c'],
    [`app@sha256:${'a'.repeat(64)}`, `docker.io/library/app@sha256:${'a'.repeat(64)}`],
    [`app:1@sha256:${'a'.repeat(64)}`, `docker.io/library/app:1@sha256:${'a'.repeat(64)}`],
    ['UPPER', undefined],
    ['', undefined],
    ['a b', undefined],
    ['../x', undefined],
    ['a:', undefined],
  ];
  for (const [text, full] of cases) {
    const reference = parseImageReference(text);
    assert.equal(reference && formatImageReference(reference), full, text);
  }
});

test('primaryFirst() orders by the family of the node’s first address', () => {
  const [four, six] = ['10.0.0.0/24', 'fd00::/64'];
  assert.deepEqual(primaryFirst([six, four], ['172.30.0.10', 'fd00:1::a']), [four, six]);
  assert.deepEqual(primaryFirst([four, six], ['fd00:1::a', '172.30.0.10']), [six, four]);
  assert.deepEqual(primaryFirst([four], ['fd00:1::a']), [four]);
});

test('AddressPool hands out each address once and freed ones last', () => {
  const pool = new AddressPool(['10.0.0.0/29', 'fd00::/64']);
  assert.deepEqual(pool.allocate(), ['10.0.0.1', 'fd00::1']);
  assert.deepEqual(pool.allocate(), ['10.0.0.2', 'fd00::2']);
  pool.release(['10.0.0.1', 'fd00::1', '192.0.2.1']);
  assert.deepEqual(
    [3, 4, 5, 6].map(() => pool.allocate()[0]),
    ['10.0.0.3', '10.0.0.4', '10.0.0.5', '10.0.0.6'],
  );
  assert.equal(pool.allocate()[0], '10.0.0.1');
  assert.throws(() => pool.allocate(), /no pod address is left in 10\.0\.0\.0\/29/);
});

test('RestartBackoff waits 0, 10 s, doubling to 5 min, and forgets after 10 quiet minutes', () => {
  const backoff = new RestartBackoff();
  const waits = Array.from({ length: 8 }, (_, index) => backoff.next(index * 1000, index * 1000 + 500));
  assert.deepEqual(waits, [0, 10_000, 20_000, 40_000, 80_000, 160_000, 300_000, 300_000]);
  assert.equal(backoff.next(10_000, 10_000 + 600_001), 0);
  assert.deepEqual([10_000, 80_000, 300_000].map(formatBackoff), ['10s', '1m20s', '5m0s']);
});

test('shouldRestart() and restartPolicyOf() follow the policies', () => {
  assert.deepEqual(
    ['Always', 'OnFailure', 'Never'].map((policy) => [
      shouldRestart(policy as never, 0),
      shouldRestart(policy as never, 1),
    ]),
    [
      [true, true],
      [false, true],
      [false, false],
    ],
  );
  const pod: Pod = { spec: { containers: [] } };
  assert.equal(restartPolicyOf(pod, { name: 'a' }, false), 'Always');
  assert.equal(restartPolicyOf(pod, { name: 'a' }, true), 'OnFailure');
  assert.equal(restartPolicyOf(pod, { name: 'a', restartPolicy: 'Always' }, true), 'Always');
});

test('planCommand() replaces entrypoint by command and arguments by args', () => {
  const image = { entrypoint: ['e'], cmd: ['c'] };
  const env = new Map([['A', '1']]);
  assert.deepEqual(planCommand({}, image, env), ['e', 'c']);
  assert.deepEqual(planCommand({ args: ['$(A)'] }, image, env), ['e', '1']);
  assert.deepEqual(planCommand({ command: ['x', '$(B)'] }, image, env), ['x', '$(B)']);
  assert.deepEqual(planCommand({ command: ['x'], args: ['y'] }, image, env), ['x', 'y']);
});

test('planProcessEnvironment() puts the container over the image', () => {
  const planned = planProcessEnvironment(
    ['A=image', 'B=image', 'PATH=/p'],
    new Map([['A', 'own']]),
    'h',
    true,
  );
  assert.deepEqual(planned, ['HOSTNAME=h', 'TERM=xterm', 'PATH=/p', 'A=own', 'B=image']);
});

test('planCapabilities() adds, drops and refuses unknown names', () => {
  const held = capabilitiesInMask('000001ffffffffff');
  assert.equal(planCapabilities({ held }).length, 12);
  assert.ok(!planCapabilities({ held }).includes(18), 'no SYS_CHROOT');
  assert.deepEqual(planCapabilities({ held, drop: ['ALL'], add: ['NET_BIND_SERVICE'] }), [10]);
  assert.deepEqual(planCapabilities({ held, drop: ['ALL'] }), []);
  assert.equal(planCapabilities({ held, privileged: true }).length, 41);
  assert.equal(planCapabilities({ held, add: ['ALL'], drop: ['CAP_SYS_ADMIN'] }).length, 40);
  assert.throws(() => planCapabilities({ held, add: ['NONSENSE'] }), /unknown capabilities: NONSENSE/);
});

test('planCapabilities() gives nothing that the node itself has not', () => {
  // Without SYS_RESOURCE (24) and CHOWN (0).
  const held = capabilitiesInMask('000001fffefffffe');
  assert.equal(planCapabilities({ held, privileged: true }).length, 39);
  assert.equal(planCapabilities({ held }).length, 11);
  assert.deepEqual(planCapabilities({ held, drop: ['ALL'], add: ['SYS_RESOURCE', 'KILL'] }), [5]);
});

test('planUser() takes container, pod, image in that order', () => {
  const facts = {
    imageUser: 'app',
    passwd: 'root:x:0:0::/:\napp:x:1000:1001::/:\n',
    group: 'staff:x:50:\n',
    rootless: false,
  };
  const container = { name: 'c' };
  const pod = (securityContext = {}): Pod => ({ spec: { containers: [], securityContext } });
  assert.deepEqual(planUser(pod(), container, facts), { uid: 1000, gid: 1001, groups: [1001] });
  assert.deepEqual(
    planUser(pod({ runAsUser: 5, runAsGroup: 6, fsGroup: 7, supplementalGroups: [8] }), container, facts),
    { uid: 5, gid: 6, groups: [6, 8, 7] },
  );
  assert.deepEqual(
    planUser(pod({ runAsUser: 5 }), { name: 'c', securityContext: { runAsUser: 1000 } }, facts),
    { uid: 1000, gid: 1001, groups: [1001] },
  );
  assert.deepEqual(planUser(pod(), container, { ...facts, imageUser: '7:staff' }), {
    uid: 7,
    gid: 50,
    groups: [50],
  });
  assert.deepEqual(planUser(pod(), container, { ...facts, imageUser: '' }), { uid: 0, gid: 0, groups: [0] });
  assert.throws(
    () => planUser(pod(), container, { ...facts, imageUser: 'nobody' }),
    /unable to find user nobody/,
  );
  assert.throws(
    () => planUser(pod(), container, { ...facts, imageUser: '7:none' }),
    /unable to find group none/,
  );
  assert.throws(
    () => planUser(pod({ runAsNonRoot: true }), container, { ...facts, imageUser: '' }),
    /runAsNonRoot/,
  );
  assert.throws(() => planUser(pod(), container, { ...facts, rootless: true }), /started without root/);
});

test('qosClass() is Guaranteed only when everything is limited and asked for', () => {
  const of = (...resources: ResourceRequirements[]): string =>
    qosClass({
      spec: { containers: resources.map((each, index) => ({ name: `c${index}`, resources: each })) },
    });
  const full = { cpu: '1', memory: '1Gi' };
  assert.equal(of({}), 'BestEffort');
  assert.equal(of({ limits: full }), 'Guaranteed');
  assert.equal(of({ limits: full, requests: { cpu: '1000m', memory: '1Gi' } }), 'Guaranteed');
  assert.equal(of({ limits: full, requests: { cpu: '500m' } }), 'Burstable');
  assert.equal(of({ limits: full }, {}), 'Burstable');
  assert.equal(of({ requests: { memory: '1Mi' } }), 'Burstable');
});

test('planEchoPorts() reads flags, then PORT, then takes 8080', () => {
  const plan = (args: string[], port?: string) => planEchoPorts(args, new Map(port ? [['PORT', port]] : []));
  assert.deepEqual(plan([]), { http: [8080], tcp: [], udp: [] });
  assert.deepEqual(plan([], '80,81'), { http: [80, 81], tcp: [], udp: [] });
  assert.deepEqual(plan(['--tcp-port', '7', '--udp-port=7', '--http-port=80']), {
    http: [80],
    tcp: [7],
    udp: [7],
  });
  assert.throws(() => plan(['--nope']), EchoUsageError);
  assert.throws(() => plan(['--port', '99999']), /99999/);
  assert.equal(
    echoLine({ pod: 'p', namespace: 'n', node: 'o' }, 'c:1'),
    'pod=p namespace=n node=o client=c:1',
  );
});

test('log lines are parsed, filtered by time and stream, cut from the end', () => {
  const line = (second: number, text: string, stream = 'stdout', partial = false) => ({
    time: `2026-01-01T00:00:0${second}.000000000Z`,
    stream,
    partial,
    text,
  });
  const options = { follow: false, previous: false, timestamps: false };
  assert.deepEqual(
    parseLogLine('2026-01-01T00:00:01.000000000Z stderr P a b'),
    line(1, 'a b', 'stderr', true),
  );
  assert.equal(parseLogLine('garbage'), undefined);
  assert.equal(formatLogLine(line(1, 'x'), { timestamps: true }), '2026-01-01T00:00:01.000000000Z x\n');
  assert.equal(formatLogLine(line(1, 'x', 'stdout', true), { timestamps: false }), 'x');
  assert.equal(wantsLine(line(1, 'x'), { ...options, stream: 'stderr' }, 0), false);
  assert.equal(wantsLine(line(1, 'x'), { ...options, sinceTime: '2026-01-01T00:00:02Z' }, 0), false);
  assert.equal(
    wantsLine(line(1, 'x'), { ...options, sinceSeconds: 3 }, Date.parse('2026-01-01T00:00:03Z')),
    true,
  );
  const lines = [line(1, 'a'), line(2, 'b', 'stdout', true), line(3, 'b2'), line(4, 'c')];
  assert.deepEqual(tailLines(lines, undefined), lines);
  assert.deepEqual(tailLines(lines, 0), []);
  assert.deepEqual(tailLines(lines, 1), lines.slice(3));
  assert.deepEqual(tailLines(lines, 2), lines.slice(1));
  assert.deepEqual(tailLines(lines, 9), lines);
});

test('the sandbox network has a route and permanent neighbours per address, no bridge', () => {
  const network = {
    linkName: vethName('uid'),
    linkIndex: 1000,
    mac: podMac(['10.244.0.5']),
    podIps: ['10.244.0.5', 'fd00::5'],
    nodeIps: ['172.30.0.10'],
  };
  assert.equal(network.mac, '02:51:0a:f4:00:05');
  assert.match(network.linkName, /^veth[0-9a-f]{8}$/);
  const nodeSide = planNodeSide(network, 9);
  assert.deepEqual(
    nodeSide.map((request) => request.do),
    ['createVeth', 'addNeighbour', 'replaceRoute', 'addNeighbour', 'replaceRoute'],
  );
  assert.deepEqual(nodeSide[2], {
    do: 'replaceRoute',
    destination: '10.244.0.5/32',
    link: 1000,
    scope: 'link',
    source: '172.30.0.10',
  });
  const podSide = planPodSide(network);
  assert.deepEqual(podSide.slice(2, 5), [
    { do: 'addAddress', link: 2, address: '10.244.0.5/32' },
    { do: 'addNeighbour', link: 2, address: '169.254.1.1', mac: '02:50:00:00:00:01' },
    { do: 'addRoute', destination: '0.0.0.0/0', via: '169.254.1.1', link: 2, onlink: true },
  ]);
  assert.deepEqual(planRemoval(['fd00::5'], 7), [{ do: 'deleteRoute', destination: 'fd00::5/128', link: 7 }]);
  assert.notEqual(podMac(['fd00::1']), podMac(['fd00::2']));
});

test('planNode() and planNodeStatus() describe the node', () => {
  const facts = {
    nodeName: 'n1',
    addresses: ['172.30.0.10', 'fd00::a'],
    podCidrs: ['10.244.0.0/22'],
    zone: 'a',
    region: 'r',
    labels: { own: 'x' },
    maxPods: 1000,
    cpus: 2,
    memoryBytes: 1 << 30,
    diskBytes: 1 << 30,
    architecture: 'amd64',
    kernelVersion: '6',
    osImage: 'os',
    machineId: 'm',
    bootId: 'b',
    kubernetesVersion: 'v1.37.1',
    portolanVersion: '0',
    rootless: true,
    kubeletPort: 10250,
  };
  const node = planNode(facts);
  assert.deepEqual(node.spec, { podCIDR: '10.244.0.0/22', podCIDRs: ['10.244.0.0/22'] });
  assert.equal(node.metadata?.labels?.['topology.kubernetes.io/zone'], 'a');
  assert.equal(node.metadata?.labels?.['own'], 'x');
  assert.deepEqual(planNode({ ...facts, podCidrs: undefined, zone: undefined, region: undefined }).spec, {});
  const status = planNodeStatus(facts, undefined, '2026-01-01T00:00:00Z');
  assert.deepEqual(
    status.addresses?.map(({ type }) => type),
    ['InternalIP', 'InternalIP', 'Hostname'],
  );
  assert.equal(status.capacity?.['memory'], '1048576Ki');
  const later = planNodeStatus(
    { ...facts, rootless: false },
    { conditions: [...(status.conditions ?? []), { type: 'Other', status: 'True' }] },
    '2026-01-02T00:00:00Z',
  );
  const ready = later.conditions?.find(({ type }) => type === 'Ready');
  assert.deepEqual(
    [ready?.lastTransitionTime, ready?.lastHeartbeatTime],
    ['2026-01-01T00:00:00Z', '2026-01-02T00:00:00Z'],
  );
  assert.ok(later.conditions?.some(({ type }) => type === 'Other'));
});
