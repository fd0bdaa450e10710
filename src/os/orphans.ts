import { readFileSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';
import { libc } from './libc.ts';

const WNOHANG = 1;
/** A child may have ended before the thread that was to wait for it: no signal tells of it a second time. */
const LOOK_AGAIN_MS = 1000;

/**
 * Buries children that nobody waits for: those of worker threads that have ended, and those that process 1 of a PID
 * namespace inherits. The kernel hands both to the main thread, which must not start children of its own: Node
 * would miss their ends. A container that runs on without its thread (what changes its user, as su and gosu do, no
 * longer dies with its parent) is ended. Disposing stops it.
 */
export function buryOrphans(): Disposable {
  if (!isMainThread) throw new Error('orphans are handed to the main thread only');
  const path = `/proc/self/task/${process.pid}/children`;
  const bury = (): void => {
    for (const text of readFileSync(path, 'utf8').split(' ')) {
      if (text === '') continue;
      const pid = Number(text);
      const isRunning = libc().waitpid(pid, null, WNOHANG) === 0;
      if (isRunning && isContainer(pid)) process.kill(pid, 'SIGKILL');
    }
  };
  process.on('SIGCHLD', bury);
  const timer = setInterval(bury, LOOK_AGAIN_MS).unref();
  return {
    [Symbol.dispose]() {
      process.off('SIGCHLD', bury);
      clearInterval(timer);
    },
  };
}

/** Whether it has a PID namespace below this one: what shares ours (hostPID) may have been orphaned by its own pod. */
function isContainer(pid: number): boolean {
  const [, pids = ''] = /^NSpid:\s*(.*)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  const [, own = ''] = /^NSpid:\s*(.*)$/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
  return pids.split('\t').length > own.split('\t').length;
}
