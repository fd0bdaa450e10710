import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { pause } from '#kube/errors.ts';
import { CONFIG_MAPS, EVENTS, NODES, PODS, SERVICES } from '#kube/resources.ts';
import { ImageStore, isRootless } from '#node/image-store.ts';
import { enterTestNamespace } from '#test/support/namespace.ts';
import { startNodeCluster } from '#test/support/node-cluster.ts';
import { get, hasPhase, isReady, makeRootfs, shell } from '#test/support/pod-fixtures.ts';

await enterTestNamespace({ pid: true });
const cluster = await startNodeCluster();
after(async () => {
  await cluster[Symbol.asyncDispose]();
  assert.deepEqual(cluster.errors.map(String), []);
});
const { client } = cluster;
/** A file of the host that no pod is to read. */
const outside = join(cluster.directory, 'outside');
writeFileSync(outside, "A='secret'\n");

test('a node registers itself and is Ready', async () => {
  const node = await client.get(NODES, { name: 'node-1' });
  assert.equal(node.status?.capacity?.['pods'], '1k');
  assert.ok(node.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True'));
  assert.deepEqual(node.spec?.podCIDRs, ['10.244.0.0/22']);
});

test('a light pod answers on its address and says who it is', async () => {
  await cluster.createPod('echo', { containers: [{ name: 'echo', image: 'portolan/echo' }] });
  const pod = await cluster.podBecomes('echo', isReady);
  const answer = JSON.parse(await get(pod.status?.podIP ?? '', 8080)) as Record<string, string>;
  assert.equal(answer['pod'], 'echo');
  assert.equal(answer['node'], 'node-1');
  await client.delete(PODS, { namespace: 'default', name: 'echo' });
  await cluster.podGone('echo');
});

test('a process pod runs, logs, and succeeds', async () => {
  await cluster.createPod('job', {
    restartPolicy: 'Never',
    containers: [{ name: 'main', ...shell('echo hello from $(hostname); echo bad >/dev/stderr') }],
  });
  const pod = await cluster.podBecomes('job', hasPhase('Succeeded'));
  assert.equal(pod.status?.containerStatuses?.[0]?.state?.terminated?.reason, 'Completed');
  assert.deepEqual((await cluster.log('job', 'main')).trim().split('\n').sort(), ['bad', 'hello from job']);
});

test('a container sees only its own files, processes and rights', async () => {
  await cluster.createPod('look', {
    restartPolicy: 'Never',
    containers: [
      {
        name: 'main',
        ...shell(
          'ls /proc | grep -c "^[0-9]"; ls /root | wc -l; grep CapEff /proc/self/status; cat /etc/resolv.conf /etc/hosts; touch /usr/x 2>/dev/null || echo read-only; pwd; ip -o addr',
        ),
      },
    ],
  });
  await cluster.podBecomes('look', hasPhase('Succeeded'));
  const log = await cluster.log('look', 'main');
  assert.match(log, /CapEff:\t00000000a00025fb/);
  assert.match(log, /nameserver 10\.96\.0\.10/);
  assert.match(log, /search default\.svc\.cluster\.local svc\.cluster\.local cluster\.local/);
  assert.match(log, /10\.244\.0\.\d+\tlook/);
  assert.match(log, /read-only/);
  assert.match(log, /eth0\s+inet 10\.244\.0\.\d+\/32/);
});

test('init containers run first, in order, and share volumes', async () => {
  const volumeMounts = [{ name: 'data', mountPath: '/data' }];
  await cluster.createPod('init', {
    restartPolicy: 'Never',
    volumes: [{ name: 'data', emptyDir: {} }],
    initContainers: [
      { name: 'one', ...shell('echo 1 > /data/x'), volumeMounts },
      { name: 'two', ...shell('echo 2 >> /data/x'), volumeMounts },
    ],
    containers: [{ name: 'main', ...shell('cat /data/x'), volumeMounts }],
  });
  await cluster.podBecomes('init', hasPhase('Succeeded'));
  assert.equal(await cluster.log('init', 'main'), '1\n2\n');
});

test('environment comes from fields, ConfigMaps and Services', async () => {
  await client.create(CONFIG_MAPS, {
    metadata: { namespace: 'default', name: 'settings' },
    data: { color: 'blue' },
  });
  const service = await client.create(SERVICES, {
    metadata: { namespace: 'default', name: 'web' },
    spec: { ports: [{ port: 80 }] },
  });
  await cluster.createPod('env', {
    restartPolicy: 'Never',
    containers: [
      {
        name: 'main',
        ...shell('echo $COLOR $WHO $BOTH $WEB_SERVICE_HOST'),
        env: [
          { name: 'COLOR', valueFrom: { configMapKeyRef: { name: 'settings', key: 'color' } } },
          { name: 'WHO', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
          { name: 'BOTH', value: '$(COLOR)-$(WHO)-$$(X)' },
        ],
      },
    ],
  });
  await cluster.podBecomes('env', hasPhase('Succeeded'));
  assert.equal(await cluster.log('env', 'main'), `blue env blue-env-$(X) ${service.spec?.clusterIP}\n`);
});

test('a variable comes from a file that an init container wrote, and no link leads out of the volume', async () => {
  const volumeMounts = [{ name: 'data', mountPath: '/data' }];
  const variable = (name: string, path: string) => ({
    name,
    valueFrom: { fileKeyRef: { volumeName: 'data', path, key: 'A', optional: true } },
  });
  await cluster.createPod('env-file', {
    restartPolicy: 'Never',
    volumes: [{ name: 'data', emptyDir: {} }],
    initContainers: [
      {
        name: 'write',
        ...shell(`echo "A='one two'" >/data/ok; ln -s ok /data/inside; ln -s ${outside} /data/outside`),
        volumeMounts,
      },
    ],
    containers: [
      {
        name: 'main',
        ...shell('echo "$OK,$INSIDE,${OUTSIDE-none}"'),
        env: [variable('OK', 'ok'), variable('INSIDE', 'inside'), variable('OUTSIDE', 'outside')],
      },
    ],
  });
  await cluster.podBecomes('env-file', hasPhase('Succeeded'));
  assert.equal(await cluster.log('env-file', 'main'), 'one two,one two,none\n');
});

test('a missing ConfigMap is CreateContainerConfigError until it is there', async () => {
  await cluster.createPod('late', {
    restartPolicy: 'Never',
    containers: [
      {
        name: 'main',
        ...shell('echo $A'),
        env: [{ name: 'A', valueFrom: { configMapKeyRef: { name: 'late', key: 'a' } } }],
      },
    ],
  });
  const waiting = await cluster.podBecomes(
    'late',
    (pod) => pod.status?.containerStatuses?.[0]?.state?.waiting?.reason === 'CreateContainerConfigError',
  );
  assert.equal(waiting.status?.containerStatuses?.[0]?.state?.waiting?.message, 'configmap "late" not found');
  await client.create(CONFIG_MAPS, { metadata: { namespace: 'default', name: 'late' }, data: { a: 'yes' } });
  await cluster.podBecomes('late', hasPhase('Succeeded'));
});

test('files of a ConfigMap volume follow the object', async () => {
  await client.create(CONFIG_MAPS, {
    metadata: { namespace: 'default', name: 'page' },
    data: { text: 'old' },
  });
  await cluster.createPod('files', {
    volumes: [{ name: 'page', configMap: { name: 'page' } }],
    containers: [
      {
        name: 'main',
        ...shell('until grep -q new /page/text; do sleep 0.05; done; cat /page/text; exec sleep 1000'),
        volumeMounts: [{ name: 'page', mountPath: '/page' }],
      },
    ],
  });
  await cluster.podBecomes('files', isReady);
  await client.patch(CONFIG_MAPS, { namespace: 'default', name: 'page' }, { data: { text: 'new\n' } });
  let log = '';
  for (; !log.includes('new'); await pause(20)) log = await cluster.log('files', 'main');
  await client.delete(PODS, { namespace: 'default', name: 'files' }, { gracePeriodSeconds: 0 });
});

test('an unknown image is ErrImagePull with the line to type, and exec errors are told', async () => {
  await cluster.createPod('noimage', { containers: [{ name: 'main', image: 'nginx:1.27' }] });
  const pod = await cluster.podBecomes(
    'noimage',
    (p) => p.status?.containerStatuses?.[0]?.state?.waiting?.reason === 'ErrImagePull',
  );
  assert.match(
    pod.status?.containerStatuses?.[0]?.state?.waiting?.message ?? '',
    /portolan image load FILE\.tar --name nginx:1\.27/,
  );
  await client.delete(PODS, { namespace: 'default', name: 'noimage' });
  await cluster.podGone('noimage');
  await cluster.createPod('noprogram', {
    restartPolicy: 'Never',
    containers: [{ name: 'main', image: 'portolan/host', command: ['nonesuch'] }],
  });
  const failed = await cluster.podBecomes('noprogram', hasPhase('Failed'));
  const { terminated } = failed.status?.containerStatuses?.[0]?.state ?? {};
  assert.equal(terminated?.reason, 'StartError');
  assert.equal(terminated.message, 'exec: "nonesuch": executable file not found in $PATH');
});

test('exec runs a command in a process container and in a light one, with and without a terminal', async () => {
  await cluster.createPod('work', {
    shareProcessNamespace: true,
    containers: [
      { name: 'main', ...shell('sleep 1000') },
      { name: 'light', image: 'portolan/pause' },
    ],
  });
  await cluster.podBecomes('work', isReady);
  const run = async (container: string, command: string[], tty = false): Promise<string> => {
    const session = await cluster.node.access.exec(
      { namespace: 'default', pod: 'work', container },
      { command, stdin: false, stdout: true, stderr: !tty, tty },
    );
    let text = '';
    session.stdout?.on('data', (chunk: Buffer) => (text += chunk.toString()));
    const closed = new Promise((resolve) => session.stdout?.once('close', resolve));
    const exit = await session.exit;
    assert.deepEqual(exit, { exitCode: 3 });
    await closed;
    return text;
  };
  assert.equal(await run('main', ['sh', '-c', 'hostname; ps -e | grep -c sleep; exit 3']), 'work\n1\n');
  assert.equal(await run('light', ['sh', '-c', 'hostname; exit 3']), 'work\n');
  assert.match(await run('main', ['sh', '-c', 'test -t 0 && tty; exit 3'], true), /\/dev\//);
});

test('events tell what happened', async () => {
  const { items } = await client.list(EVENTS, { namespace: 'default' });
  const reasons = new Set(items.map(({ reason }) => reason));
  for (const reason of ['Pulled', 'Created', 'Started', 'Failed']) assert.ok(reasons.has(reason), reason);
});

test('a loaded image runs on an overlay that ends with the container', async () => {
  const root = join(cluster.directory, 'rootfs');
  makeRootfs(root);
  await new ImageStore(join(cluster.directory, 'images')).load(root, {
    name: 'own/shell:1',
    entrypoint: ['/bin/sh', '-c'],
    env: ['FROM=image'],
  });
  const script = 'echo $FROM; test ! -e /made && echo fresh; echo x > /made; exit 1';
  await cluster.createPod('overlay', {
    restartPolicy: 'OnFailure',
    containers: [{ name: 'main', image: 'own/shell:1', args: [script] }],
  });
  await cluster.podBecomes(
    'overlay',
    (pod) =>
      pod.status?.containerStatuses?.[0]?.restartCount === 1 &&
      pod.status.containerStatuses[0].state?.waiting !== undefined,
  );
  assert.equal(await cluster.log('overlay', 'main'), 'image\nfresh\n');
  assert.equal(existsSync(join(root, 'made')), false);
  await client.delete(PODS, { namespace: 'default', name: 'overlay' }, { gracePeriodSeconds: 0 });
});

test('a pod runs as the user it names, where there are users', async () => {
  await cluster.createPod('user', {
    restartPolicy: 'Never',
    containers: [
      {
        name: 'main',
        ...shell('id -u; echo seen > /dev/stdout; grep CapEff /proc/self/status'),
        securityContext: { runAsUser: 1234, runAsGroup: 5 },
      },
    ],
  });
  if (isRootless()) {
    const pod = await cluster.podBecomes(
      'user',
      (p) => p.status?.containerStatuses?.[0]?.state?.waiting?.reason === 'CreateContainerConfigError',
    );
    assert.match(pod.status?.containerStatuses?.[0]?.state?.waiting?.message ?? '', /started without root/);
    await client.delete(PODS, { namespace: 'default', name: 'user' });
    return;
  }
  await cluster.podBecomes('user', hasPhase('Succeeded'));
  assert.equal(await cluster.log('user', 'main'), '1234\nseen\nCapEff:\t0000000000000000\n');
});

test('a hostPort leads to the pod from the node, and to the next one that waits for it', async () => {
  const ports = [{ containerPort: 8080, hostPort: 18_080 }];
  const spec = { containers: [{ name: 'echo', image: 'portolan/echo', ports }] };
  const whoAnswers = async (): Promise<string> => JSON.parse(await get('127.0.0.1', 18_080)).pod;
  await cluster.createPod('front', spec);
  await cluster.podBecomes('front', isReady);
  assert.equal(await whoAnswers(), 'front');
  await cluster.createPod('waiting', spec);
  const isToldWhy = async (): Promise<boolean> => {
    const { items } = await client.list(EVENTS, { namespace: 'default' });
    return items.some(
      ({ reason, message }) => reason === 'FailedCreatePodSandBox' && message?.includes('18080/TCP'),
    );
  };
  for (let tries = 0; !(await isToldWhy()); tries++) {
    assert.ok(tries < 200, 'no event tells that the port is taken');
    await pause(50);
  }
  await client.delete(PODS, { namespace: 'default', name: 'front' });
  await cluster.podBecomes('waiting', isReady);
  assert.equal(await whoAnswers(), 'waiting');
});
