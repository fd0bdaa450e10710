import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { EVENTS, PODS } from '#kube/resources.ts';
import { enterTestNamespace } from '#test/support/namespace.ts';
import { startNodeCluster } from '#test/support/node-cluster.ts';
import { hasPhase, isReady, shell } from '#test/support/pod-fixtures.ts';

await enterTestNamespace({ pid: true });
const cluster = await startNodeCluster();
after(async () => {
  await cluster[Symbol.asyncDispose]();
  assert.deepEqual(cluster.errors.map(String), []);
});
const { client } = cluster;

test('a crashing container is restarted, then waits in CrashLoopBackOff', async () => {
  await cluster.createPod('crash', { containers: [{ name: 'main', ...shell('exit 7') }] });
  const pod = await cluster.podBecomes(
    'crash',
    (p) => p.status?.containerStatuses?.[0]?.state?.waiting?.reason === 'CrashLoopBackOff',
  );
  const status = pod.status?.containerStatuses?.[0];
  assert.equal(status?.restartCount, 1);
  assert.equal(status.lastState?.terminated?.exitCode, 7);
  assert.equal(pod.status?.phase, 'Running');
  await client.delete(PODS, { namespace: 'default', name: 'crash' });
  await cluster.podGone('crash');
});

test('probes: readiness by http, restart by liveness', async () => {
  await cluster.createPod('probed', {
    containers: [
      {
        name: 'echo',
        image: 'portolan/echo',
        ports: [{ name: 'web', containerPort: 8080 }],
        readinessProbe: { httpGet: { path: '/healthz', port: 'web' } },
      },
      {
        name: 'sick',
        ...shell('sleep 1000'),
        livenessProbe: {
          exec: { command: ['false'] },
          periodSeconds: 1,
          failureThreshold: 1,
          terminationGracePeriodSeconds: 1,
        },
      },
    ],
  });
  const pod = await cluster.podBecomes(
    'probed',
    (p) => (p.status?.containerStatuses?.[1]?.restartCount ?? 0) > 0,
  );
  assert.equal(pod.status?.containerStatuses?.[0]?.ready, true);
  assert.equal(pod.status?.containerStatuses?.[1]?.lastState?.terminated?.exitCode, 137);
  await client.delete(PODS, { namespace: 'default', name: 'probed' }, { gracePeriodSeconds: 0 });
});

test('preStop runs before the end, and the object goes when the containers are gone', async () => {
  await cluster.createPod('polite', {
    terminationGracePeriodSeconds: 10,
    containers: [
      {
        name: 'main',
        ...shell('trap "echo terminated; exit 0" TERM; while :; do sleep 0.05; done'),
        lifecycle: { preStop: { exec: { command: ['sh', '-c', 'echo before > /proc/1/fd/1'] } } },
      },
    ],
  });
  await cluster.podBecomes('polite', isReady);
  const ref = { namespace: 'default', pod: 'polite', container: 'main' };
  const following = (async () => {
    let text = '';
    for await (const chunk of cluster.node.access.logs(
      ref,
      { follow: true, previous: false, timestamps: false },
      new AbortController().signal,
    ))
      text += chunk.toString();
    return text;
  })();
  await client.delete(PODS, { namespace: 'default', name: 'polite' });
  await cluster.podGone('polite');
  assert.equal(await following, 'before\nterminated\n');
});

test('a readiness gate and a deadline count', async () => {
  await cluster.createPod('gated', {
    readinessGates: [{ conditionType: 'test/gate' }],
    activeDeadlineSeconds: 2,
    containers: [{ name: 'main', image: 'portolan/pause' }],
  });
  const gated = await cluster.podBecomes('gated', hasPhase('Running'));
  assert.equal(isReady(gated), false);
  await client.patch(
    PODS,
    { namespace: 'default', name: 'gated' },
    { status: { conditions: [{ type: 'test/gate', status: 'True' }] } },
    { type: 'strategic', subresource: 'status' },
  );
  await cluster.podBecomes('gated', isReady);
  const late = await cluster.podBecomes('gated', hasPhase('Failed'));
  assert.equal(late.status?.reason, 'DeadlineExceeded');
});

test('sidecars start before the others and end after them', async () => {
  await cluster.createPod('sidecar', {
    restartPolicy: 'Never',
    initContainers: [
      { name: 'side', restartPolicy: 'Always', ...shell('trap "exit 0" TERM; while :; do sleep 0.05; done') },
    ],
    containers: [{ name: 'main', ...shell('sleep 0.2') }],
  });
  const pod = await cluster.podBecomes('sidecar', hasPhase('Succeeded'));
  assert.equal(pod.status?.initContainerStatuses?.[0]?.state?.terminated?.exitCode, 0);
});

test('events tell what happened to them', async () => {
  const { items } = await client.list(EVENTS, { namespace: 'default' });
  const reasons = new Set(items.map(({ reason }) => reason));
  for (const reason of ['Pulled', 'Created', 'Started', 'Killing', 'BackOff', 'Unhealthy'])
    assert.ok(reasons.has(reason), reason);
});

test('pods run again when the node starts again, unless they had ended or never restart', async () => {
  await cluster.createPod('once', {
    restartPolicy: 'Never',
    containers: [{ name: 'main', ...shell('sleep 1000') }],
  });
  await cluster.createPod('work', {
    containers: [
      { name: 'main', ...shell('sleep 1000') },
      { name: 'light', image: 'portolan/pause' },
    ],
  });
  await cluster.createPod('job', {
    restartPolicy: 'Never',
    containers: [{ name: 'main', ...shell('exit 0') }],
  });
  await cluster.podBecomes('once', isReady);
  await cluster.podBecomes('work', isReady);
  await cluster.podBecomes('job', hasPhase('Succeeded'));
  const done = await client.get(PODS, { namespace: 'default', name: 'job' });
  await cluster.restartNode();
  const once = await cluster.podBecomes('once', hasPhase('Failed'));
  assert.equal(once.status?.containerStatuses?.[0]?.state?.terminated?.exitCode, 137);
  const pod = await cluster.podBecomes(
    'work',
    (p) =>
      isReady(p) && p.status?.containerStatuses?.every(({ restartCount }) => restartCount === 1) === true,
  );
  assert.equal(pod.status?.containerStatuses?.[0]?.lastState?.terminated?.exitCode, 137);
  assert.deepEqual((await client.get(PODS, { namespace: 'default', name: 'job' })).status, done.status);
});
