/** A process in a running container (exec), and the pause process of a shared PID namespace. Pure. */
import { AT_FDCWD, CLONE_NEWNS, O_CLOEXEC, O_RDONLY, SIGCHLD, TIOCSCTTY } from './constants.ts';
import type { InitStep } from './init-list.ts';
import { type ProcessPlan, planProcess } from './plan-process.ts';
import { closeDescriptors, dieWithParent } from './steps.ts';

/**
 * Joins the mount namespace (and with it the root) of process `pid`, as the node sees it. Network, UTS, IPC and PID
 * namespaces were entered by whoever spawned the init.
 */
export function planExecInit(pid: number, process: ProcessPlan): InitStep[] {
  const path = `/proc/${pid}/ns/mnt`;
  return [
    dieWithParent(),
    { call: 'setsid', args: [], purpose: 'begin a session', ignore: 'any' },
    ...(process.tty
      ? [{ call: 'ioctl', args: [0, TIOCSCTTY, 0], purpose: 'take the terminal' } as const]
      : []),
    { call: 'umask', args: [0o022], purpose: 'set umask' },
    {
      call: 'openat',
      args: [AT_FDCWD, { text: path }, O_RDONLY | O_CLOEXEC, 0],
      purpose: 'find the container',
      name: 'mnt',
    },
    { call: 'setns', args: [{ result: 'mnt' }, CLONE_NEWNS], purpose: 'join the container' },
    {
      call: 'chdir',
      args: [{ text: process.workingDirectory }],
      purpose: `change to working directory ${process.workingDirectory}`,
    },
    ...planProcess(process),
  ];
}

/** Holds a PID namespace open as its PID 1: children are reaped by the kernel because SIGCHLD is ignored. */
export function planPauseInit(): InitStep[] {
  const ignoreSignal = new Uint8Array(32);
  ignoreSignal[0] = 1; // SIG_IGN
  const wait: InitStep = { call: 'ppoll', args: [0, 0, 0, 0, 0], purpose: 'wait', ignore: 'any' };
  return [
    dieWithParent(),
    { call: 'setsid', args: [], purpose: 'begin a session', ignore: 'any' },
    { call: 'rt_sigaction', args: [SIGCHLD, { bytes: ignoreSignal }, 0, 8], purpose: 'let the kernel reap' },
    ...closeDescriptors(),
    { call: 'close', args: [4], purpose: 'report success' },
    ...Array.from({ length: 16 }, () => wait),
  ];
}
