// What a container can reach of the machine: nothing but its own.
import assert from 'node:assert/strict';
import { readFileSync, statSync } from 'node:fs';
import { after, test } from 'node:test';
import type { Container, Pod, PodSpec } from '#api/core/v1.gen.ts';
import { pause } from '#kube/errors.ts';
import { PODS } from '#kube/resources.ts';
import { isRootless } from '#node/image-store.ts';
import { enterTestNamespace } from '#test/support/namespace.ts';
import { startNodeCluster } from '#test/support/node-cluster.ts';

await enterTestNamespace({ pid: true });
const cluster = await startNodeCluster();
after(() => cluster[Symbol.asyncDispose]());

const isOver = ({ status }: Pod): boolean => status?.phase === 'Succeeded' || status?.phase === 'Failed';

/** What a shell script prints in a container of its own. */
async function outputOf(
  name: string,
  script: string,
  container: Partial<Container> = {},
  spec: Partial<PodSpec> = {},
): Promise<string> {
  await cluster.createPod(name, {
    restartPolicy: 'Never',
    containers: [
      { name: 'main', image: 'portolan/host', command: ['sh', '-c', `exec 2>&1; ${script}`], ...container },
    ],
    ...spec,
  });
  await cluster.podBecomes(name, isOver);
  const output = await cluster.log(name, 'main');
  await cluster.client.delete(PODS, { namespace: 'default', name });
  return output;
}

test('a container cannot change the devices that it shares with the host', async () => {
  const before = ['null', 'full'].map((name) => statSync(`/dev/${name}`)).map(({ uid, mode }) => [uid, mode]);
  const output = await outputOf(
    'devices',
    'for f in /dev/full /dev/null /proc/self/fd/0; do chmod 600 $f; chown 7 $f; done; echo still > /dev/null && echo writable',
  );
  assert.match(output, /writable/);
  const attempts = output.split('\n').filter((line) => /Read-only|not permitted/i.test(line));
  assert.equal(attempts.length, 6, output);
  const now = ['null', 'full'].map((name) => statSync(`/dev/${name}`)).map(({ uid, mode }) => [uid, mode]);
  assert.deepEqual(now, before);
});

test('a container that runs as somebody else leaves the host its /dev/null', {
  skip: isRootless() && 'only one user here',
}, async () => {
  const before = statSync('/dev/null').uid;
  const output = await outputOf('somebody', 'id -u; cat; echo done', {
    securityContext: { runAsUser: 1234 },
  });
  assert.equal(output, '1234\ndone\n');
  assert.equal(statSync('/dev/null').uid, before);
});

test('a container has no descriptors and no environment of the node', async () => {
  // The fourth is the directory that ls reads.
  assert.equal(await outputOf('inherited', '', { command: ['ls', '/proc/self/fd'] }), '0\n1\n2\n3\n');
  const environment = await outputOf('environment', 'env | cut -d= -f1 | sort');
  const names = environment.trim().split('\n');
  assert.deepEqual(
    names.filter((name) => !name.startsWith('KUBERNETES_')),
    ['HOSTNAME', 'PATH', 'PWD'],
  );
});

test('processes of a shared PID namespace show nothing of the node, even to SYS_PTRACE', async () => {
  const output = await outputOf(
    'shared',
    'ls /proc/1/root/; ls -l /proc/1/fd | grep -c -- "->"; (echo x > /proc/1/exe) && echo changed; echo end',
    { securityContext: { capabilities: { add: ['SYS_PTRACE'] } } },
    { shareProcessNamespace: true },
  );
  assert.match(output, /^0$/m);
  assert.doesNotMatch(output, /changed/);
});

test('a container writes to its own files only and makes neither mounts nor usable devices', async () => {
  const output = await outputOf(
    'walls',
    `for d in /usr /etc /sys /proc/sys/net/ipv4 /sys/fs; do touch $d/x && echo wrote $d; done
     echo 1 > /proc/sys/net/ipv4/ip_forward && echo wrote sysctl
     mount -t tmpfs x /mnt && echo mounted
     umount /proc/sys && echo unmounted
     mknod /dev/disk c 1 3 && echo x > /dev/disk && echo opened
     unshare -Urm sh -c 'umount /proc/sys || mount -o remount,bind,rw /usr' && echo unlocked
     nsenter -t 1 -m true && echo entered
     echo end`.replaceAll('\n', ';'),
    { securityContext: { capabilities: { add: ['MKNOD'] } } },
  );
  assert.doesNotMatch(output, /^(?:wrote|mounted|unmounted|opened|unlocked|entered)/m, output);
  assert.match(output, /end\n$/);
});

test("the host's programs come without its passwords and keys", async () => {
  const output = await outputOf(
    'secrets',
    'cat /etc/shadow /etc/gshadow /etc/ssh/ssh_host_*_key; id -un; echo end',
  );
  assert.doesNotMatch(output, /^[\w-]+:[^:]*:\d*:/m);
  assert.doesNotMatch(output, /PRIVATE KEY/);
  assert.match(output, /root\nend\n$/);
});

test('what a container started ends with it, also in PID namespaces that it shares', async () => {
  const count = (script: string): string => `(${script}) & echo $!; sleep 0.1`;
  const started = await outputOf('daemon', count('exec sleep 1234'), {}, { hostPID: true });
  const [pid = ''] = started.split('\n');
  assert.match(pid, /^\d+$/);
  for (let attempt = 0; attempt < 100 && commandOf(pid).includes('1234'); attempt++) await pause(20);
  assert.equal(commandOf(pid), '');
});

test('a pod goes although a process of its own still writes to its volume, and the node goes on', async () => {
  const volumeMounts = [{ name: 'data', mountPath: '/data' }];
  const write =
    'setsid sh -c "while :; do for i in 1 2 3 4 5 6 7 8 9; do : > /data/$i-$$; done; done" & sleep 0.1';
  await outputOf(
    'writer',
    write,
    { volumeMounts },
    { hostPID: true, volumes: [{ name: 'data', emptyDir: {} }] },
  );
  await cluster.podGone('writer');
  assert.equal(await outputOf('next', 'echo fine'), 'fine\n');
});

function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}
