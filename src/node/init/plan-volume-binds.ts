/** Volumes of a container as binds: opened in the old root, attached in the new one. Pure. */
import {
  AT_FDCWD,
  MOUNT_ATTR_NODEV,
  MOUNT_ATTR_RDONLY,
  O_CLOEXEC,
  O_PATH,
  RESOLVE_BENEATH,
} from './constants.ts';
import type { InitArgument, InitStep } from './init-list.ts';
import { attachTree, makeDirectories, makeFile, openTree, openTreeOf } from './steps.ts';

export interface VolumeBind {
  /** A path of the host. */
  source: string;
  /** A path inside the source that no link may lead out of; missing directories are made. */
  subPath?: string | undefined;
  /** A path of the container. */
  target: string;
  readOnly: boolean;
  /** The source is a file (or a device or socket). */
  file: boolean;
  /** That it cannot be mounted is no error (a read-only root without the file to mount on). */
  optional?: boolean | undefined;
}

const treeName = (index: number): string => `volume:${index}`;

export function planOpenVolumes(volumes: readonly VolumeBind[]): InitStep[] {
  return volumes.flatMap((volume, index) => {
    const attributes = MOUNT_ATTR_NODEV | (volume.readOnly ? MOUNT_ATTR_RDONLY : 0);
    if (volume.subPath === undefined) return openTree(treeName(index), volume.source, attributes);
    return [
      ...openBeneath(index, volume.source, volume.subPath),
      ...openTreeOf(
        treeName(index),
        { result: `sub:${index}` },
        attributes,
        `bind ${volume.subPath} of ${volume.source}`,
      ),
    ];
  });
}

/** Parents before children, so that a mount never hides one made earlier. */
export function planAttachVolumes(volumes: readonly VolumeBind[]): InitStep[] {
  const depth = (path: string): number => path.split('/').filter((part) => part !== '').length;
  const ordered = volumes.map((volume, index) => ({ volume, index }));
  ordered.sort((a, b) => depth(a.volume.target) - depth(b.volume.target));
  return ordered.flatMap(({ volume, index }) => [
    ...makeDirectories(volume.file ? volume.target.replace(/\/[^/]*$/, '') : volume.target),
    ...(volume.file ? [makeFile(volume.target)] : []),
    attachTree(treeName(index), volume.target, volume.optional),
  ]);
}

/** Descriptor `sub:<index>` of a path below a directory; each missing directory on the way is made. */
function openBeneath(index: number, source: string, subPath: string): InitStep[] {
  const parts = subPath.split('/').filter((part) => part !== '' && part !== '.');
  const purpose = `open ${subPath} of ${source}`;
  const root = `sub:${index}:0`;
  const steps: InitStep[] = [
    { call: 'openat', args: [AT_FDCWD, { text: source }, O_PATH | O_CLOEXEC, 0], purpose, name: root },
  ];
  let parent: InitArgument = { result: root };
  parts.forEach((part, position) => {
    const name = position === parts.length - 1 ? `sub:${index}` : `sub:${index}:${position + 1}`;
    steps.push({ call: 'mkdirat', args: [parent, { text: part }, 0o755], purpose, ignore: 'any' });
    const path = parts.slice(0, position + 1).join('/');
    steps.push({ call: 'openat2', args: [{ result: root }, { text: path }, openHow(), 24], purpose, name });
    parent = { result: name };
  });
  if (parts.length === 0) {
    steps.push({
      call: 'openat2',
      args: [parent, { text: '.' }, openHow(), 24],
      purpose,
      name: `sub:${index}`,
    });
  }
  return steps;
}

/** struct open_how: flags, mode, resolve. */
function openHow(): InitArgument {
  const how = new BigUint64Array([BigInt(O_PATH | O_CLOEXEC), 0n, BigInt(RESOLVE_BENEATH)]);
  return { bytes: new Uint8Array(how.buffer) };
}
