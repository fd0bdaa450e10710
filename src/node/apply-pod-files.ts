/** Writes what planPodFiles() says into a pod's directory, from where every container gets it mounted. */
import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { PodFiles } from './plan-pod-files.ts';

/**
 * With each container that starts, hosts is written anew, as kubelet does; the others once in a pod's life, as
 * runtimes do, so that what a container made of them stays. In place, as they may be mounted already.
 */
export function applyPodFiles(podDirectory: string, files: PodFiles): void {
  const etc = join(podDirectory, 'etc');
  mkdirSync(etc, { recursive: true });
  for (const [name, content] of Object.entries(files)) {
    const path = join(etc, name);
    if (name !== 'hosts' && existsSync(path)) continue;
    writeFileSync(path, content);
    // Whatever the umask: any user of the container reads them.
    chmodSync(path, 0o644);
  }
}
