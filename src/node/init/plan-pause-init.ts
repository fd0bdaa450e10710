/** The process that holds a pod's shared PID namespace open as its PID 1. Pure. */
import { REPORT_FD } from './block.ts';
import {
  CLONE_NEWNS,
  MNT_DETACH,
  MS_NODEV,
  MS_NOEXEC,
  MS_NOSUID,
  MS_PRIVATE,
  MS_RDONLY,
  MS_REC,
  PR_SET_DUMPABLE,
  SIGCHLD,
} from './constants.ts';
import type { InitStep } from './init-list.ts';
import { setCapabilities } from './plan-process.ts';
import { closeDescriptors, dieWithParent, mount } from './steps.ts';

/**
 * Waits for ever; children are reaped by the kernel because SIGCHLD is ignored. The pod's containers see this process,
 * and with SYS_PTRACE its root and descriptors too: so it has nothing of the node's.
 */
export function planPauseInit(): InitStep[] {
  const ignoreSignal = new Uint8Array(32);
  ignoreSignal[0] = 1; // SIG_IGN
  const wait: InitStep = { call: 'ppoll', args: [0, 0, 0, 0, 0], purpose: 'wait', ignore: 'any' };
  return [
    dieWithParent(),
    { call: 'setsid', args: [], purpose: 'begin a session', ignore: 'any' },
    ...planEmptyRoot(),
    setCapabilities([]),
    { call: 'prctl', args: [PR_SET_DUMPABLE, 0, 0, 0, 0], purpose: 'refuse tracing' },
    { call: 'rt_sigaction', args: [SIGCHLD, { bytes: ignoreSignal }, 0, 8], purpose: 'let the kernel reap' },
    ...closeDescriptors(),
    ...[0, 1, 2].map(
      (fd): InitStep => ({ call: 'close', args: [fd], purpose: 'close the standard streams' }),
    ),
    { call: 'close', args: [REPORT_FD], purpose: 'report success' },
    ...Array.from({ length: 16 }, () => wait),
  ];
}

/** An empty, read-only tmpfs in place of the node's files; /proc is only where it is mounted on the way. */
function planEmptyRoot(): InitStep[] {
  return [
    { call: 'unshare', args: [CLONE_NEWNS], purpose: 'make a mount namespace' },
    { call: 'mount', args: [0, { text: '/' }, 0, MS_REC | MS_PRIVATE, 0], purpose: 'make mounts private' },
    mount('tmpfs', '/proc', MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, 'size=4k'),
    { call: 'chdir', args: [{ text: '/proc' }], purpose: 'enter the empty root' },
    { call: 'pivot_root', args: [{ text: '.' }, { text: '.' }], purpose: 'change root' },
    { call: 'umount2', args: [{ text: '.' }, MNT_DETACH], purpose: 'leave the old root' },
    { call: 'chdir', args: [{ text: '/' }], purpose: 'stand in the empty root' },
  ];
}
