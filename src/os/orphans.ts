import { readFileSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';
import { libc } from './libc.ts';

const WNOHANG = 1;
/** A child may have ended before the thread that was to wait for it: no signal tells of it a second time. */
const LOOK_AGAIN_MS = 5000;

/**
 * Buries children that nobody waits for: those of worker threads that have ended, and those that process 1 of a PID
 * namespace inherits. The kernel hands both to the main thread, which must not start children of its own: Node
 * would miss their ends. Disposing stops it.
 */
export function buryOrphans(): Disposable {
  if (!isMainThread) throw new Error('orphans are handed to the main thread only');
  const path = `/proc/self/task/${process.pid}/children`;
  const bury = (): void => {
    for (const pid of readFileSync(path, 'utf8').split(' ')) {
      if (pid !== '') libc().waitpid(Number(pid), null, WNOHANG);
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
