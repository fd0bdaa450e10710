/** Containers as processes: makes the files, spawns the init, keeps the streams. */
import { randomBytes } from 'node:crypto';
import { closeSync, mkdirSync, openSync, rmSync, statfsSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import type { NamespaceSet } from '#os/namespace.ts';
import {
  ContainerAccessError,
  type ExecOptions,
  type ProcessSession,
  type SessionStreams,
} from './container-access.ts';
import type { ContainerLog } from './container-log.ts';
import { type HostImage, hostRoot, type StoredRootImage } from './images.ts';
import { planContainerInit, type RootPlan } from './init/plan-container-init.ts';
import { planExecInit } from './init/plan-exec-init.ts';
import type { ProcessPlan } from './init/plan-process.ts';
import type { VolumeBind } from './init/plan-volume-binds.ts';
import { InitError, type SpawnedInit, spawnInit } from './init/spawn-init.ts';
import { attachSession, execSession, exitOf } from './process-session.ts';
import { nullStreams, openStreams, type ProcessStreams } from './process-streams.ts';
import type { ContainerExit, RunningContainer } from './running-container.ts';

export interface ProcessContainerOptions {
  /** A directory for this instance; removed when it has ended. */
  directory: string;
  image: HostImage | StoredRootImage;
  volumes: readonly VolumeBind[];
  process: ProcessPlan;
  readOnlyRoot: boolean;
  privileged: boolean;
  stdin: boolean;
  /** The pod's namespaces; with `pid` the container joins that PID namespace instead of having one. */
  namespaces: NamespaceSet;
  /** False with hostPID: the node's own PID namespace, which is not the host's. */
  ownPidNamespace: boolean;
  /** Listening sockets that the node keeps; `process` says how many. */
  sockets: readonly number[];
  log: ContainerLog;
}

/** Type of an overlay file system, on which no upper directory may lie. */
const OVERLAYFS_MAGIC = 0x794c7630;
const SHM_SIZE = 64 << 20;
/** How long output that is still in the pipes is waited for after the end. */
const DRAIN_MS = 500;

/** Starts a container; rejects with InitError when it could not be made or its program not be run. */
export async function startProcessContainer(options: ProcessContainerOptions): Promise<RunningContainer> {
  const { directory, namespaces, log } = options;
  const { tty } = options.process;
  const wanted = { stdin: options.stdin, stdout: true, stderr: !tty, tty };
  const rootDirectory = join(directory, 'root');
  mkdirSync(rootDirectory, { recursive: true });
  const steps = planContainerInit({
    rootDirectory,
    root: planRootOf(options),
    readOnlyRoot: options.readOnlyRoot,
    volumes: options.volumes,
    process: { ...options.process, nullStreams: nullStreams(wanted) },
    privileged: options.privileged,
    shmSize: SHM_SIZE,
  });
  const streams = openStreams(wanted);
  const drained = Promise.all([
    streams.stdout && log.follow('stdout', streams.stdout),
    streams.stderr && log.follow('stderr', streams.stderr),
  ]);
  const pid = namespaces.pid;
  let spawned: SpawnedInit;
  try {
    spawned = spawnInit({
      steps,
      stdio: streams.stdio,
      sockets: options.sockets,
      namespaces: { ...namespaces, newPidForChildren: options.ownPidNamespace && pid === undefined },
    });
  } finally {
    streams.spawned();
  }
  const container = new ProcessContainer(options, streams, spawned, drained);
  try {
    await spawned.started;
  } catch (error) {
    await container.exited;
    throw error;
  }
  return container;
}

function planRootOf({ image, directory }: ProcessContainerOptions): RootPlan {
  if (image.kind === 'host') {
    return hostRoot(image);
  }
  const scratch = join(directory, 'scratch');
  const [upper, work] = [join(scratch, 'upper'), join(scratch, 'work')];
  mkdirSync(scratch, { recursive: true });
  if (statfsSync(scratch).type === OVERLAYFS_MAGIC) {
    return { kind: 'overlay', lower: image.root, upper, work, upperOnTmpfs: scratch };
  }
  mkdirSync(upper);
  mkdirSync(work);
  return { kind: 'overlay', lower: image.root, upper, work };
}

class ProcessContainer implements RunningContainer {
  readonly id: string = randomBytes(32).toString('hex');
  readonly exited: Promise<ContainerExit>;
  readonly log: ContainerLog;
  readonly #options: ProcessContainerOptions;
  readonly #streams: ProcessStreams;
  readonly #spawned: SpawnedInit;
  /** For those who join: kept open so that exec finds it after a fork bomb took all else. */
  #pidNamespace: number | undefined;
  #ended = false;

  constructor(
    options: ProcessContainerOptions,
    streams: ProcessStreams,
    spawned: SpawnedInit,
    drained: Promise<unknown>,
  ) {
    this.#options = options;
    this.#streams = streams;
    this.#spawned = spawned;
    this.log = options.log;
    this.exited = this.#awaitEnd(drained);
  }

  async #awaitEnd(drained: Promise<unknown>): Promise<ContainerExit> {
    const exit = await exitOf(this.#spawned.child);
    this.#ended = true;
    this.#killGroup();
    await Promise.race([drained, new Promise((resolve) => setTimeout(resolve, DRAIN_MS).unref())]);
    this.#streams.close();
    this.log[Symbol.dispose]();
    if (this.#pidNamespace !== undefined) closeSync(this.#pidNamespace);
    rmSync(this.#options.directory, { recursive: true, force: true });
    return exit;
  }

  kill(signal: NodeJS.Signals): void {
    if (this.#ended) return;
    this.#spawned.child.kill(signal);
    if (signal === 'SIGKILL') this.#killGroup();
  }

  /** Where it is not PID 1 of its own, what it started goes with it, as far as it has not made itself a session. */
  #killGroup(): void {
    const { ownPidNamespace, namespaces } = this.#options;
    const { pid } = this.#spawned.child;
    if ((ownPidNamespace && namespaces.pid === undefined) || pid === undefined) return;
    try {
      process.kill(-pid, 'SIGKILL');
    } catch {
      // No process of the group is left.
    }
  }

  async exec(options: ExecOptions): Promise<ProcessSession> {
    const { pid } = this.#spawned.child;
    if (this.#ended || pid === undefined)
      throw new ContainerAccessError('badRequest', 'the container is not running');
    const plan: ProcessPlan = {
      ...this.#options.process,
      argv: options.command,
      tty: options.tty,
      nullStreams: nullStreams(options),
      sockets: 0,
    };
    this.#pidNamespace ??= openSync(`/proc/${pid}/ns/pid`, 'r');
    const namespaces = { ...this.#options.namespaces, pid: this.#pidNamespace };
    return execSession(planExecInit(pid, plan), options, namespaces, `/proc/${pid}/root`);
  }

  attach(streams: SessionStreams): ProcessSession {
    return attachSession(this.log, this.#streams, streams, this.exited);
  }
}

export { InitError };
/** Number of a signal's name. */
export const signalNumber = (signal: NodeJS.Signals): number => constants.signals[signal];
