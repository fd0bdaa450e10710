import { closeSync, openSync } from 'node:fs';
import { check, libc } from './libc.ts';

const CLONE_NEWUTS = 0x04000000;
const CLONE_NEWIPC = 0x08000000;
const CLONE_NEWPID = 0x20000000;
const CLONE_NEWNET = 0x40000000;

/** Namespace kinds a thread can leave and come back to, with their clone flags. */
const KINDS = { net: CLONE_NEWNET, uts: CLONE_NEWUTS, ipc: CLONE_NEWIPC } as const;
type Kind = keyof typeof KINDS;

/** Descriptors of a pod's namespaces. Whoever made them closes them with `closeNamespaces()`. */
export interface SandboxNamespaces {
  readonly net: number;
  readonly uts: number;
  readonly ipc: number;
}

/** Where `withNamespaces()` runs its function: descriptors of namespaces, all optional. */
export interface NamespaceSet {
  net?: number | undefined;
  uts?: number | undefined;
  ipc?: number | undefined;
  /** Child processes started inside are put into this PID namespace. */
  pid?: number | undefined;
  /** The first child process started inside becomes PID 1 of a new PID namespace. */
  newPidForChildren?: boolean | undefined;
}

/** The namespaces this thread is in now, opened once each. */
const home = new Map<Kind | 'pid', number>();

/** How many `withNamespaces()` calls this thread is inside of. */
let depth = 0;

/**
 * Moves this thread for good into network, UTS and IPC namespaces of its own and returns the network
 * namespace's descriptor (closed by Node when the worker ends). UTS and IPC come along because a
 * rootless thread that left those of the host could not return to them. The loopback device is down.
 */
export function enterNewNetworkNamespace(): number {
  if (depth > 0) throw new Error('enterNewNetworkNamespace() cannot be called inside withNamespaces()');
  check(
    libc().unshare(CLONE_NEWNET | CLONE_NEWUTS | CLONE_NEWIPC),
    'unshare',
    'network, UTS and IPC namespaces',
  );
  for (const kind of Object.keys(KINDS) as Kind[]) {
    const left = home.get(kind);
    home.delete(kind);
    if (left !== undefined) closeSync(left);
  }
  return openOwn('net');
}

/** A new, empty network namespace that this thread does not stay in; its loopback device is down. */
export function createNetworkNamespace(): number {
  return createAway(['net'], () => openOwn('net'));
}

/** New network, UTS (with this host name) and IPC namespaces for a pod; this thread stays where it is. */
export function createSandboxNamespaces({ hostname }: { hostname: string }): SandboxNamespaces {
  return createAway(['net', 'uts', 'ipc'], () => {
    check(libc().sethostname(hostname, Buffer.byteLength(hostname)), 'sethostname', JSON.stringify(hostname));
    const opened: number[] = [];
    try {
      for (const kind of ['net', 'uts', 'ipc'] as const) opened.push(openOwn(kind));
    } catch (error) {
      for (const fd of opened) closeSync(fd);
      throw error;
    }
    const [net = -1, uts = -1, ipc = -1] = opened;
    return { net, uts, ipc };
  });
}

export function closeNamespaces(namespaces: Partial<SandboxNamespaces>): void {
  for (const fd of Object.values(namespaces)) closeSync(fd);
}

/** A descriptor of the network namespace this thread is in. The caller closes it (`fs.closeSync`). */
export function openNetworkNamespace(): number {
  return openOwn('net');
}

/**
 * Runs `fn` with this thread in other namespaces and always comes back, also when it throws. Strictly
 * synchronous: sockets, sync file access (/proc/sys/net) and `child_process.spawn` of `fn` itself see
 * the namespaces; callbacks, promises and thread-pool work do not. Calls may nest.
 */
export function withNamespaces<T>(namespaces: NamespaceSet, fn: () => T): T {
  const { pid, newPidForChildren = false } = namespaces;
  const entered: Array<[fd: number, flag: number]> = [];
  depth++;
  try {
    for (const kind of Object.keys(KINDS) as Kind[]) {
      const fd = namespaces[kind];
      if (fd === undefined) continue;
      const back = homeOf(kind);
      check(libc().setns(fd, KINDS[kind]), 'setns', `${kind} namespace, descriptor ${fd}`);
      entered.push([back, KINDS[kind]]);
      home.set(kind, fd);
    }
    if (pid !== undefined || newPidForChildren) {
      const back = homeOf('pid');
      if (pid !== undefined)
        check(libc().setns(pid, CLONE_NEWPID), 'setns', `PID namespace, descriptor ${pid}`);
      else check(libc().unshare(CLONE_NEWPID), 'unshare', 'PID namespace for children');
      entered.push([back, CLONE_NEWPID]);
    }
    const result = fn();
    if (result instanceof Promise) throw new TypeError('withNamespaces() takes a synchronous function');
    return result;
  } finally {
    depth--;
    comeBack(entered);
  }
}

/**
 * Makes namespaces by leaving the thread's own. Entering one's own namespace first shows, while nothing
 * is lost yet, whether coming back is allowed: rootless, it is not from the host's.
 */
function createAway<T>(kinds: Kind[], fn: () => T): T {
  const back: Array<[fd: number, flag: number]> = kinds.map((kind) => [homeOf(kind), KINDS[kind]]);
  for (const [fd, flag] of back) {
    check(
      libc().setns(fd, flag),
      'setns',
      'back to where this thread is; enterNewNetworkNamespace() must come first',
    );
  }
  const flags = kinds.reduce((all, kind) => all | KINDS[kind], 0);
  check(libc().unshare(flags), 'unshare', `${kinds.join(', ')} namespaces`);
  try {
    return fn();
  } finally {
    comeBack(back);
  }
}

/** Goes back in reverse order; one that fails does not keep the thread from the others. */
function comeBack(entered: Array<[fd: number, flag: number]>): void {
  const failures: unknown[] = [];
  for (const [fd, flag] of entered.reverse()) {
    try {
      check(libc().setns(fd, flag), 'setns', `back to this thread's own namespace, descriptor ${fd}`);
    } catch (error) {
      failures.push(error);
    }
    for (const kind of Object.keys(KINDS) as Kind[]) if (KINDS[kind] === flag) home.set(kind, fd);
  }
  if (failures.length > 0) throw failures[0];
}

function homeOf(kind: Kind | 'pid'): number {
  let fd = home.get(kind);
  if (fd === undefined) {
    fd = openOwn(kind);
    home.set(kind, fd);
  }
  return fd;
}

/** `fs.openSync` rather than open(2): Node closes it when the worker that opened it is terminated. */
function openOwn(kind: Kind | 'pid'): number {
  return openSync(`/proc/thread-self/ns/${kind}`, 'r');
}
