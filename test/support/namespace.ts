import { spawnSync } from 'node:child_process';
import process from 'node:process';
import { test } from 'node:test';
import { Rtnetlink } from '#kernel/rtnetlink.ts';

/** Set in the process that already lives in its own namespaces. */
const MARKER = 'PORTOLAN_TEST_NAMESPACE';

const NAMESPACES = ['--net', '--mount', '--uts', '--ipc'];
/** Rootless, a thread can come back to a PID namespace only if it is its user namespace's own. */
const PID_NAMESPACE = ['--pid', '--fork', '--kill-child', '--mount-proc'];

export interface TestNamespaceOptions {
  /** A PID namespace too: for tests that start containers. */
  pid?: boolean | undefined;
}

/**
 * Puts the whole test file into fresh network, mount, UTS and IPC namespaces (and, unless run by root, a
 * user namespace where it is root), with the loopback device up. Call it first, at the top level:
 *
 *     await enterTestNamespace();
 *
 * The file is run again inside; the first process only passes on what came of it. Where namespaces are
 * not allowed the file's tests are skipped with the reason, in CI they fail.
 */
export async function enterTestNamespace({ pid = false }: TestNamespaceOptions = {}): Promise<void> {
  if (process.env[MARKER] === '1') {
    using rtnetlink = Rtnetlink.open();
    rtnetlink.setLink('lo', { up: true });
    return;
  }
  const isRoot = process.getuid?.() === 0;
  const unshare = [
    ...(isRoot ? [] : ['--user', '--map-root-user']),
    ...NAMESPACES,
    ...(pid ? PID_NAMESPACE : []),
  ];
  const probe = spawnSync('unshare', [...unshare, 'true'], { encoding: 'utf8' });
  if (probe.status !== 0)
    await giveUp(`no namespaces here: ${(probe.error?.message ?? probe.stderr).trim()}`);
  const command = [process.execPath, ...process.execArgv, ...process.argv.slice(1)];
  const child = spawnSync('unshare', [...unshare, ...command], {
    stdio: 'inherit',
    env: { ...process.env, [MARKER]: '1' },
  });
  process.exit(child.status ?? 1);
}

/** Reports one skipped test for the whole file, whose own tests are never reached. */
function giveUp(reason: string): Promise<never> {
  if (process.env['CI'] === 'true') throw new Error(reason);
  void test('needs namespaces of its own', { skip: reason });
  // Behind the test runner, which reports when nothing is left to do.
  process.once('beforeExit', () => setImmediate(() => process.exit(0)));
  return new Promise(() => {});
}
