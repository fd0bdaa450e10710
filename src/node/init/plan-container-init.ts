/** From a container's parts to the list of system calls that makes it. Pure: testable as data. */
import {
  CLONE_NEWNS,
  MNT_DETACH,
  MOUNT_ATTR_NODEV,
  MOUNT_ATTR_NOEXEC,
  MOUNT_ATTR_NOSUID,
  MOUNT_ATTR_RDONLY,
  MS_NODEV,
  MS_NOEXEC,
  MS_NOSUID,
  MS_PRIVATE,
  MS_REC,
  TIOCSCTTY,
} from './constants.ts';
import type { InitStep } from './init-list.ts';
import { type ProcessPlan, planProcess } from './plan-process.ts';
import { planHidden, planProcProtection, planReadOnlyRoot } from './plan-protection.ts';
import { planAttachVolumes, planOpenVolumes, type VolumeBind } from './plan-volume-binds.ts';
import {
  attachTree,
  dieWithParent,
  makeDirectories,
  makeDirectory,
  makeFile,
  makeLink,
  mount,
  openFileSystem,
  openTree,
  openTreeOf,
} from './steps.ts';

/** Where the container's files come from. */
export type RootPlan =
  /** A directory below an upper one of the container's own; `upper` and `work` must not lie on an overlay. */
  | { kind: 'overlay'; lower: string; upper: string; work: string; upperOnTmpfs?: string | undefined }
  /** An empty tmpfs with some of the host's paths in it, read-only; the hidden files of these are empty. */
  | {
      kind: 'binds';
      binds: readonly RootBind[];
      links: readonly RootLink[];
      directories: readonly string[];
      hidden: readonly string[];
    };

export interface RootBind {
  source: string;
  target: string;
  file: boolean;
  /** With what is mounted below; otherwise that stays hidden. */
  recursive: boolean;
}

export interface RootLink {
  path: string;
  target: string;
}

export interface ContainerInitPlan {
  /** An existing directory of the container's own, to put the root on. */
  rootDirectory: string;
  root: RootPlan;
  readOnlyRoot: boolean;
  volumes: readonly VolumeBind[];
  process: ProcessPlan;
  privileged: boolean;
  /** Size of /dev/shm in bytes. */
  shmSize: number;
}

const DEVICES = ['null', 'zero', 'full', 'random', 'urandom', 'tty'];
const READ_ONLY_SYSTEM = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
const NO_PROGRAMS = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
/** The host's own device files: read-only keeps their owner and mode from being changed, not from being written to. */
const DEVICE = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC;

/**
 * Everything that comes from the old root is opened first as a detached mount; then the root is changed; then it is
 * attached. So links in the image cannot lead a mount out of the container.
 */
export function planContainerInit(plan: ContainerInitPlan): InitStep[] {
  return [
    ...planStart(plan.process.tty),
    ...planOpen(plan),
    ...planRoot(plan.rootDirectory, plan.root, plan.process.rootless),
    ...planSystemMounts(plan),
    ...(plan.root.kind === 'binds' ? planHidden(plan.root.hidden) : []),
    ...planAttachVolumes(plan.volumes),
    ...(plan.privileged ? [] : planProcProtection()),
    ...makeDirectories(plan.process.workingDirectory),
    ...(plan.readOnlyRoot ? planReadOnlyRoot() : []),
    changeDirectory(plan.process.workingDirectory),
    ...planProcess(plan.process),
  ];
}

export const changeDirectory = (path: string): InitStep => ({
  call: 'chdir',
  args: [{ text: path }],
  purpose: `change to working directory ${path}`,
});

function planStart(tty: boolean): InitStep[] {
  return [
    dieWithParent(),
    { call: 'setsid', args: [], purpose: 'begin a session', ignore: 'any' },
    ...(tty ? [{ call: 'ioctl', args: [0, TIOCSCTTY, 0], purpose: 'take the terminal' } as const] : []),
    { call: 'umask', args: [0], purpose: 'reset umask' },
    { call: 'unshare', args: [CLONE_NEWNS], purpose: 'make a mount namespace' },
    {
      call: 'mount',
      args: [0, { text: '/' }, 0, MS_REC | MS_PRIVATE, 0],
      purpose: 'make mounts private',
    },
  ];
}

function planOpen(plan: ContainerInitPlan): InitStep[] {
  const binds = plan.root.kind === 'binds' ? plan.root.binds : [];
  const system = plan.privileged ? NO_PROGRAMS : NO_PROGRAMS | MOUNT_ATTR_RDONLY;
  return [
    ...DEVICES.flatMap((device) => openTree(`dev:${device}`, `/dev/${device}`, DEVICE, false)),
    ...(plan.process.tty ? openTreeOf('dev:console', 0, 0, 'bind the terminal') : []),
    ...openFileSystem('proc', 'proc', NO_PROGRAMS),
    // Not every environment lets a user namespace mount sysfs: /sys is empty then.
    ...openFileSystem('sysfs', 'sysfs', system, true),
    ...binds.flatMap((bind) =>
      openTree(`root:${bind.target}`, bind.source, READ_ONLY_SYSTEM, bind.recursive),
    ),
    ...planOpenVolumes(plan.volumes),
  ];
}

function planRoot(directory: string, root: RootPlan, rootless: boolean): InitStep[] {
  const steps: InitStep[] = [];
  if (root.kind === 'binds') {
    steps.push(mount('tmpfs', directory, MS_NOSUID | MS_NODEV, 'mode=0755'));
  } else {
    if (root.upperOnTmpfs !== undefined) {
      steps.push(mount('tmpfs', root.upperOnTmpfs, MS_NODEV, 'mode=0755'));
      steps.push(makeDirectory(root.upper), makeDirectory(root.work));
    }
    const options = `lowerdir=${escapeOverlay(root.lower)},upperdir=${escapeOverlay(root.upper)},workdir=${escapeOverlay(root.work)}`;
    steps.push(mount('overlay', directory, MS_NODEV, `${options}${rootless ? ',userxattr' : ''}`));
  }
  steps.push(
    { call: 'chdir', args: [{ text: directory }], purpose: `enter ${directory}` },
    { call: 'pivot_root', args: [{ text: '.' }, { text: '.' }], purpose: 'change root' },
    { call: 'umount2', args: [{ text: '.' }, MNT_DETACH], purpose: 'leave the old root' },
    { call: 'chdir', args: [{ text: '/' }], purpose: 'enter the new root' },
  );
  return [...steps, ...(root.kind === 'binds' ? planBindRoot(root) : [])];
}

function planBindRoot(root: Extract<RootPlan, { kind: 'binds' }>): InitStep[] {
  return [
    ...root.directories.map((path) =>
      makeDirectory(path, path === '/tmp' || path === '/var/tmp' ? 0o1777 : 0o755),
    ),
    ...root.links.map(({ path, target }) => makeLink(target, path)),
    ...root.binds.flatMap(({ target, file }) => [
      ...makeDirectories(file ? target.slice(0, target.lastIndexOf('/')) : target),
      ...(file ? [makeFile(target)] : []),
      attachTree(`root:${target}`, target),
    ]),
  ];
}

/** /proc, /sys and a /dev of the container's own. */
function planSystemMounts(plan: ContainerInitPlan): InitStep[] {
  const device = (name: string): InitStep[] => [
    makeFile(`/dev/${name}`),
    attachTree(`dev:${name}`, `/dev/${name}`),
  ];
  return [
    ...['/proc', '/sys', '/dev'].map((path) => makeDirectory(path)),
    attachTree('proc', '/proc'),
    attachTree('sysfs', '/sys', true),
    // Devices that a container makes itself (CAP_MKNOD) stay closed; those it is given are mounts of their own.
    mount('tmpfs', '/dev', MS_NOSUID | (plan.privileged ? 0 : MS_NODEV), 'mode=0755,size=64k'),
    ...['/dev/pts', '/dev/shm', '/dev/mqueue'].map((path) => makeDirectory(path)),
    mount('devpts', '/dev/pts', MS_NOSUID | MS_NOEXEC, 'newinstance,ptmxmode=0666,mode=0620'),
    mount('tmpfs', '/dev/shm', MS_NOSUID | MS_NODEV | MS_NOEXEC, `mode=1777,size=${plan.shmSize}`),
    mount('mqueue', '/dev/mqueue', MS_NOSUID | MS_NODEV | MS_NOEXEC, '', true),
    ...DEVICES.flatMap(device),
    ...(plan.process.tty ? device('console') : []),
    makeLink('pts/ptmx', '/dev/ptmx'),
    makeLink('/proc/self/fd', '/dev/fd'),
    makeLink('/proc/self/fd/0', '/dev/stdin'),
    makeLink('/proc/self/fd/1', '/dev/stdout'),
    makeLink('/proc/self/fd/2', '/dev/stderr'),
    { call: 'umask', args: [0o022], purpose: 'set umask' },
  ];
}

/** A colon separates lower directories, a comma options: a backslash takes their meaning away. */
const escapeOverlay = (path: string): string => path.replace(/[\\:,]/g, '\\$&');
