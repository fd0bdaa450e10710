import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readdirSync, readFileSync } from 'node:fs';
import type { Duplex } from 'node:stream';
import type { ApplyItem } from './apply-objects.ts';
import { type ClusterConfig, ClusterError } from './config.ts';
import { ownCommand } from './entries.ts';
import { FRONT_FD, type Front, type FrontEvent, type FrontRequest, openFront } from './front.ts';
import { logPath } from './part-log.ts';
import { explainUnshare } from './plan-unshare.ts';
import { statePaths } from './state-dir.ts';

/**
 * For a process of many threads: enough of them for the thread pool that all share; and two heaps of malloc(3) for all,
 * where one for each thread would keep some 15 MB more.
 */
const THREADS = { UV_THREADPOOL_SIZE: '8', MALLOC_ARENA_MAX: '2' };

/** V8 then collects sooner and compiles less: 1,000 pods take 60 MB less, and a fifth more time to come. */
const SMALL_HEAPS = '--optimize-for-size';

/** A supervisor that has just been started. */
export interface Launched {
  readonly front: Front<FrontEvent, FrontRequest>;
  /** Resolves when it has ended, and with it all that it started. */
  readonly ended: Promise<void>;
  /** Lets this program end while the cluster goes on. */
  release(): void;
}

/**
 * Starts the supervisor of a cluster as process 1 of namespaces of its own, by unshare(1): whatever ends it, ends
 * everything below it. Throws ClusterError when the system does not let us make namespaces.
 */
export async function launchSupervisor(
  config: ClusterConfig,
  items: readonly ApplyItem[],
): Promise<Launched> {
  const paths = statePaths(config.dataDir);
  const logFile = logPath(paths.logs, 'supervisor');
  const log = openLog(paths.logs, logFile);
  const [node, ...words] = ownCommand();
  const child = spawn('unshare', [...namespaceFlags(), '--', node, SMALL_HEAPS, ...words, 'supervise'], {
    // A session of its own: a Ctrl-C in the terminal is for us, we tell the supervisor what we make of it.
    detached: true,
    stdio: ['ignore', log, log, 'pipe'],
    env: { ...process.env, ...THREADS, PORTOLAN_STARTED_AT: String(performance.timeOrigin) },
  });
  closeSync(log);
  const ended = new Promise<void>((resolve, reject) => {
    child.once('exit', () => resolve());
    child.once('error', reject);
  });
  ended.catch(() => undefined);
  const socket = child.stdio[FRONT_FD] as Duplex;
  const front = openFront<FrontEvent, FrontRequest>(socket);
  await greet(front, child, ended, logFile);
  front.send({ kind: 'start', config, hostPid: childPid(child), items });
  return {
    front,
    ended,
    release() {
      front.close();
      child.unref();
    },
  };
}

/** The first that is written to the data directory. */
function openLog(folder: string, file: string): number {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    return openSync(file, 'w', 0o600);
  } catch (error) {
    const { message } = error as Error;
    throw new ClusterError(`the data directory cannot be written (${message}): choose one with --data-dir`, {
      cause: error,
    });
  }
}

/** Waits for the supervisor's first word. Whatever unshare(1) said instead is in the log. */
async function greet(
  front: Front<FrontEvent, FrontRequest>,
  child: ChildProcess,
  ended: Promise<void>,
  logFile: string,
): Promise<void> {
  const { value } = await front.incoming.next();
  if (value?.kind === 'hello') return;
  await ended.catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
    throw new ClusterError('unshare(1) is not on the PATH: it comes with util-linux', { cause: error });
  });
  throw new ClusterError(
    explainUnshare(readFileSync(logFile, 'utf8'), child.exitCode, readNamespaceLimits()),
  );
}

function namespaceFlags(): string[] {
  const userNamespace = mayAdministrate() ? [] : ['--user', '--map-root-user'];
  return [...userNamespace, '--mount', '--pid', '--fork', '--kill-child', '--mount-proc'];
}

/** Whether this process has CAP_SYS_ADMIN, as root has outside of containers. */
function mayAdministrate(): boolean {
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0';
  return (BigInt(`0x${effective}`) & (1n << 21n)) !== 0n;
}

function readNamespaceLimits(): Record<string, string | undefined> {
  const names = [
    'user/max_user_namespaces',
    'user/max_pid_namespaces',
    'user/max_mnt_namespaces',
    'kernel/unprivileged_userns_clone',
    'kernel/apparmor_restrict_unprivileged_userns',
  ];
  return Object.fromEntries(names.map((name) => [name.replace('/', '.'), readSysctl(name)]));
}

function readSysctl(name: string): string | undefined {
  try {
    return readFileSync(`/proc/sys/${name}`, 'utf8').trim();
  } catch {
    return undefined;
  }
}

/** unshare(1) waits for the one process that it started: the supervisor, by its number in our namespace. */
function childPid(child: ChildProcess): number {
  const parent = child.pid ?? 0;
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      // The parent's number is the second field after the command's closing bracket.
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
      if (Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) === parent) return Number(name);
    } catch {
      // Ended meanwhile.
    }
  }
  throw new ClusterError('the supervisor ended at once');
}
