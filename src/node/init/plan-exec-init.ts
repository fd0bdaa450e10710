/** A process in a running container (exec). Pure. */
import { AT_FDCWD, CLONE_NEWNS, O_CLOEXEC, O_RDONLY, TIOCSCTTY } from './constants.ts';
import type { InitStep } from './init-list.ts';
import { type ProcessPlan, planProcess } from './plan-process.ts';
import { dieWithParent } from './steps.ts';

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
