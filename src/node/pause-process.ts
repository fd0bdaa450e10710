import type { ChildProcess } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import type { NamespaceSet } from '#os/namespace.ts';
import { planPauseInit } from './init/plan-pause-init.ts';
import { spawnInit } from './init/spawn-init.ts';

/** A PID namespace for all containers of a pod (shareProcessNamespace): its PID 1 only waits and reaps. */
export class PausedPidNamespace implements Disposable {
  readonly fd: number;
  /** Resolves when process 1 has nothing of the node any more: before, nobody may join. */
  readonly ready: Promise<void>;
  readonly #child: ChildProcess;

  constructor(namespaces: NamespaceSet) {
    const { child, started } = spawnInit({
      steps: planPauseInit(),
      stdio: ['ignore', 'ignore', 'ignore'],
      namespaces: { ...namespaces, newPidForChildren: true },
    });
    this.ready = started;
    // Whoever waits is told.
    started.catch(() => undefined);
    this.#child = child;
    this.fd = openSync(`/proc/${child.pid}/ns/pid`, 'r');
  }

  /** All processes of the namespace end with it. */
  [Symbol.dispose](): void {
    this.#child.kill('SIGKILL');
    closeSync(this.fd);
  }
}
