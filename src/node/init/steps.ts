/** The small phrases that lists for the container init are made of. Pure. */

import { BLOCK_FD, REPORT_FD, SOCKETS_FD } from './block.ts';
import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  AT_RECURSIVE,
  FSCONFIG_CMD_CREATE,
  KEYCTL_JOIN_SESSION_KEYRING,
  MOVE_MOUNT_F_EMPTY_PATH,
  O_CLOEXEC,
  OPEN_TREE_CLONE,
  PR_SET_PDEATHSIG,
  S_IFREG,
  SIGKILL,
} from './constants.ts';
import type { InitArgument, InitStep } from './init-list.ts';

/** The process ends with the thread that made it; lost when credentials change, so it is said again then. */
export const dieWithParent = (): InitStep => ({
  call: 'prctl',
  args: [PR_SET_PDEATHSIG, SIGKILL],
  purpose: 'die with the node',
});

/** Keys of whoever started the cluster stay out of reach. A full quota or a kernel without keys is no obstacle. */
export const ownKeyring = (): InitStep => ({
  call: 'keyctl',
  args: [KEYCTL_JOIN_SESSION_KEYRING, 0],
  purpose: 'make a keyring',
  ignore: 'any',
});

/** struct mount_attr: what to set, nothing to clear, propagation and user namespace untouched. */
const mountAttributes = (set: number): InitArgument => {
  const bytes = new Uint8Array(32);
  new DataView(bytes.buffer).setUint32(0, set, true);
  return { bytes };
};

/** A detached copy of the mount at `path`, with attributes added on it and everything below; named for attachTree. */
export function openTree(name: string, path: string, attributes: number, recursive = true): InitStep[] {
  const purpose = `bind ${path}`;
  const flags = OPEN_TREE_CLONE | O_CLOEXEC | (recursive ? AT_RECURSIVE : 0);
  return [
    { call: 'open_tree', args: [AT_FDCWD, { text: path }, flags], purpose, name },
    ...setTreeAttributes(name, attributes, purpose, recursive),
  ];
}

/** As openTree, of what a descriptor from an earlier step stands for. */
export function openTreeOf(
  name: string,
  descriptor: InitArgument,
  attributes: number,
  purpose: string,
): InitStep[] {
  const flags = OPEN_TREE_CLONE | O_CLOEXEC | AT_EMPTY_PATH | AT_RECURSIVE;
  return [
    { call: 'open_tree', args: [descriptor, { text: '' }, flags], purpose, name },
    ...setTreeAttributes(name, attributes, purpose, true),
  ];
}

function setTreeAttributes(
  name: string,
  attributes: number,
  purpose: string,
  recursive: boolean,
): InitStep[] {
  if (attributes === 0) return [];
  const flags = AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0);
  return [
    {
      call: 'mount_setattr',
      args: [{ result: name }, { text: '' }, flags, mountAttributes(attributes), 32],
      purpose: `${purpose}: set mount attributes`,
    },
  ];
}

/** A new file system, detached; the kernel wants a fully visible one of its kind around, so before pivot_root. */
export function openFileSystem(name: string, type: string, attributes: number, optional = false): InitStep[] {
  const purpose = `make a ${type} file system`;
  const ignore = optional ? ({ ignore: 'any' } as const) : {};
  return [
    { call: 'fsopen', args: [{ text: type }, 1], purpose, name: `${name}:context`, ...ignore },
    {
      call: 'fsconfig',
      args: [{ result: `${name}:context` }, FSCONFIG_CMD_CREATE, 0, 0, 0],
      purpose,
      ...ignore,
    },
    { call: 'fsmount', args: [{ result: `${name}:context` }, 1, attributes], purpose, name, ...ignore },
  ];
}

/** Attaches what openTree or openFileSystem made. Links in the target resolve inside the container's root. */
export function attachTree(name: string, target: string, optional = false): InitStep {
  return {
    call: 'move_mount',
    args: [{ result: name }, { text: '' }, AT_FDCWD, { text: target }, MOVE_MOUNT_F_EMPTY_PATH],
    purpose: `mount ${target}`,
    ...(optional ? { ignore: 'any' as const } : {}),
  };
}

export function mount(
  type: string,
  target: string,
  flags: number,
  options: string,
  optional = false,
): InitStep {
  return {
    call: 'mount',
    args: [{ text: type }, { text: target }, { text: type }, flags, { text: options }],
    purpose: `mount ${type} at ${target}`,
    ...(optional ? { ignore: 'any' as const } : {}),
  };
}

/** mkdir that minds nothing: what is missing afterwards shows in the step that needs it. */
export const makeDirectory = (path: string, mode = 0o755): InitStep => ({
  call: 'mkdirat',
  args: [AT_FDCWD, { text: path }, mode],
  purpose: `make directory ${path}`,
  ignore: 'any',
});

/** Every directory down to `path`, itself included. */
export function makeDirectories(path: string): InitStep[] {
  const parts = path.split('/').filter((part) => part !== '');
  return parts.map((_, index) => makeDirectory(`/${parts.slice(0, index + 1).join('/')}`));
}

/** An empty file, to mount a file on. */
export const makeFile = (path: string): InitStep => ({
  call: 'mknodat',
  args: [AT_FDCWD, { text: path }, S_IFREG | 0o644, 0],
  purpose: `make file ${path}`,
  ignore: 'any',
});

export const makeLink = (target: string, path: string): InitStep => ({
  call: 'symlinkat',
  args: [{ text: target }, AT_FDCWD, { text: path }],
  purpose: `link ${path} to ${target}`,
  ignore: 'any',
});

/**
 * All descriptors are closed but the standard streams, that of the report, which goes with execve, and `sockets` that the
 * spawner handed over behind its own: they become 3 and those that follow, where programs look for them.
 */
export function closeDescriptors(sockets = 0): InitStep[] {
  const close = (first: number, last: number): InitStep => {
    return { call: 'close_range', args: [first, last, 0], purpose: 'close descriptors' };
  };
  return [
    ...Array.from({ length: sockets }, (_, i): InitStep => {
      return { call: 'dup3', args: [SOCKETS_FD + i, BLOCK_FD + i, 0], purpose: 'hand over the sockets' };
    }),
    close(BLOCK_FD + sockets, REPORT_FD - 1),
    close(REPORT_FD + 1, 0xffffffff),
  ];
}
