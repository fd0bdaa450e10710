import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { closeSync, readFileSync, readlinkSync } from 'node:fs';
import { describe, test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { enterTestNamespace } from '#test/support/namespace.ts';
import {
  closeNamespaces,
  createNetworkNamespace,
  createSandboxNamespaces,
  enterNewNetworkNamespace,
  withNamespaces,
} from './namespace.ts';

await enterTestNamespace({ pid: true });

const KINDS = ['net', 'uts', 'ipc', 'pid_for_children'] as const;

/** Which namespaces this thread is in: `net:[4026532008]` and the like. */
function whereAmI(): string[] {
  return KINDS.map((kind) => readlinkSync(`/proc/thread-self/ns/${kind}`));
}

function nameOf(fd: number): string {
  return readlinkSync(`/proc/self/fd/${fd}`);
}

/** Runs code on another thread that may import this folder's modules, and gives what it posts. */
function inWorker(code: string): Promise<unknown> {
  const module = JSON.stringify(new URL('namespace.ts', import.meta.url).href);
  const script = `import { parentPort } from 'node:worker_threads'; import { readlinkSync } from 'node:fs';
    import * as namespace from ${module}; ${code}`;
  const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(script)}`));
  const { promise, resolve, reject } = Promise.withResolvers<unknown>();
  worker.once('message', resolve).once('error', reject);
  return promise;
}

describe('withNamespaces()', () => {
  test('runs a function elsewhere and comes back', () => {
    const home = whereAmI();
    const sandbox = createSandboxNamespaces({ hostname: 'web-0' });
    const seen = withNamespaces(sandbox, () => [
      ...whereAmI().slice(0, 3),
      readFileSync('/proc/sys/kernel/hostname', 'utf8'),
    ]);
    assert.deepEqual(seen, [nameOf(sandbox.net), nameOf(sandbox.uts), nameOf(sandbox.ipc), 'web-0\n']);
    assert.deepEqual(whereAmI(), home);
    closeNamespaces(sandbox);
  });

  test('comes back when the function throws, or is asynchronous', () => {
    const home = whereAmI();
    const net = createNetworkNamespace();
    const failing = (): never => {
      throw new Error('inside');
    };
    assert.throws(() => withNamespaces({ net, newPidForChildren: true }, failing), /inside/);
    assert.throws(() => withNamespaces({ net }, async () => {}), /takes a synchronous function/);
    assert.deepEqual(whereAmI(), home);
    closeSync(net);
  });

  test('comes back from the first when the second cannot be entered', () => {
    const home = whereAmI();
    const net = createNetworkNamespace();
    assert.throws(
      () => withNamespaces({ net, uts: net }, () => {}),
      /setns uts namespace, descriptor \d+: EINVAL/,
    );
    assert.throws(
      () => withNamespaces({ net: 987_654 }, () => {}),
      /setns net namespace, descriptor 987654: EBADF \(9\)/,
    );
    assert.deepEqual(whereAmI(), home);
    closeSync(net);
  });

  test('nests, and each level comes back to its own', () => {
    const [one, two] = [createNetworkNamespace(), createNetworkNamespace()];
    const net = (): string | undefined => whereAmI()[0];
    const seen = withNamespaces({ net: one }, () => {
      const inner = withNamespaces({ net: two }, () => {
        const made = createNetworkNamespace();
        closeSync(made);
        return net();
      });
      return [inner, net()];
    });
    assert.deepEqual(seen, [nameOf(two), nameOf(one)]);
    closeSync(one);
    closeSync(two);
  });

  test('newPidForChildren makes the first child PID 1, in the network namespace', () => {
    const sandbox = createSandboxNamespaces({ hostname: 'job' });
    const child = withNamespaces({ ...sandbox, newPidForChildren: true }, () =>
      spawnSync('sh', ['-c', 'echo $$; hostname; readlink /proc/thread-self/ns/net'], { encoding: 'utf8' }),
    );
    const [pid, hostname] = child.stdout.split('\n');
    assert.deepEqual([pid, hostname], ['1', 'job']);
    const after = spawnSync('sh', ['-c', 'echo $$'], { encoding: 'utf8' });
    assert.notEqual(after.stdout, '1\n');
    closeNamespaces(sandbox);
  });

  test('a child of another PID namespace can be started', () => {
    const own = spawnSync('sh', ['-c', 'echo $$'], { encoding: 'utf8' });
    assert.equal(own.status, 0);
    const seen = withNamespaces({ newPidForChildren: true }, () =>
      spawnSync('sh', ['-c', 'echo $$'], { encoding: 'utf8' }),
    );
    assert.equal(seen.stdout, '1\n');
  });
});

test('createNetworkNamespace() makes an empty one each time', () => {
  const [one, two] = [createNetworkNamespace(), createNetworkNamespace()];
  assert.notEqual(nameOf(one), nameOf(two));
  const devices = withNamespaces({ net: one }, () => readFileSync('/proc/thread-self/net/dev', 'utf8'));
  assert.match(devices, /^ *lo:/m);
  closeSync(one);
  closeSync(two);
});

test('enterNewNetworkNamespace() moves one thread and no other', async () => {
  const before = whereAmI();
  const [returned, inside] = (await inWorker(`
    const fd = namespace.enterNewNetworkNamespace();
    const sandbox = namespace.createSandboxNamespaces({ hostname: 'x' });
    const kinds = ['net', 'uts', 'ipc'].map((kind) => readlinkSync('/proc/thread-self/ns/' + kind));
    parentPort.postMessage([readlinkSync('/proc/self/fd/' + fd), kinds]);
  `)) as [string, string[]];
  assert.equal(inside[0], returned);
  assert.equal(
    inside.some((name) => before.includes(name)),
    false,
  );
  assert.deepEqual(whereAmI(), before);
});

test('enterNewNetworkNamespace() refuses to be called within withNamespaces()', () => {
  const net = createNetworkNamespace();
  assert.throws(
    () => withNamespaces({ net }, enterNewNetworkNamespace),
    /cannot be called inside withNamespaces/,
  );
  closeSync(net);
});

test('a thread that may not come back is told so, and has not left', () => {
  // A user namespace in a child process: its network namespace is still ours, so it may not return to it.
  const module = JSON.stringify(new URL('namespace.ts', import.meta.url).href);
  const script = `import * as namespace from ${module}; import { readlinkSync } from 'node:fs';
    const here = readlinkSync('/proc/thread-self/ns/net');
    try { namespace.createNetworkNamespace(); } catch (error) { console.log(error.message); }
    console.log(here === readlinkSync('/proc/thread-self/ns/net'));`;
  const child = spawnSync(
    'unshare',
    ['--user', '--map-root-user', process.execPath, '--input-type=module', '-e', script],
    {
      encoding: 'utf8',
    },
  );
  assert.match(child.stdout, /enterNewNetworkNamespace\(\) must come first: EPERM \(1\)\ntrue/, child.stderr);
});
