/** exec into a light container: a process on the host's programs, in the pod's namespaces. */
import { randomUUID } from 'node:crypto';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { ExecOptions, ProcessSession } from './container-access.ts';
import { hostRoot, resolverTarget } from './images.ts';
import { planContainerInit } from './init/plan-container-init.ts';
import { type PodParts, planContainerProcess } from './launch-container.ts';
import { execSession } from './process-session.ts';
import { nullStreams } from './process-streams.ts';

const SHM_SIZE = 64 << 20;

export async function execInHostImage(parts: PodParts, options: ExecOptions): Promise<ProcessSession> {
  const image = parts.context.images.host();
  const namespaces = await parts.namespaces();
  const directory = join(parts.directory, 'exec', randomUUID());
  mkdirSync(directory, { recursive: true });
  const process = planContainerProcess(
    parts,
    { name: 'exec', tty: options.tty, command: [...options.command] },
    image,
    new Map(),
  );
  const etc = (
    name: string,
    target: string,
  ): { source: string; target: string; readOnly: boolean; file: boolean; optional: boolean } => {
    return { source: join(parts.directory, 'etc', name), target, readOnly: true, file: true, optional: true };
  };
  const steps = planContainerInit({
    rootDirectory: directory,
    root: hostRoot(image),
    readOnlyRoot: false,
    volumes: [
      etc('hosts', '/etc/hosts'),
      etc('resolv.conf', resolverTarget()),
      etc('hostname', '/etc/hostname'),
    ],
    process: { ...process, nullStreams: nullStreams(options) },
    privileged: false,
    shmSize: SHM_SIZE,
  });
  const clean = (): void => rmSync(directory, { recursive: true, force: true });
  try {
    const session = await execSession(steps, options, {
      ...namespaces,
      newPidForChildren: namespaces.pid === undefined,
    });
    void session.exit.then(clean);
    return session;
  } catch (error) {
    clean();
    throw error;
  }
}
