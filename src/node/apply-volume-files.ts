/**
 * Writes a volume's files so that readers see all of the old or all of the new: a directory named by the time, the
 * link ..data to it, and a link per top entry through ..data, as kubelet does.
 */
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import type { VolumeFiles } from './plan-volume-files.ts';

const DATA = '..data';

/** Brings the directory to hold exactly these files; false when it did already. */
export function applyVolumeFiles(directory: string, files: VolumeFiles): boolean {
  const data = join(directory, DATA);
  const before = existsSync(data) ? readlinkSync(data) : undefined;
  if (before !== undefined && holds(join(directory, before), files)) return false;
  const stamp = new Date().toISOString().slice(0, 19).replaceAll(/[-:]/g, '_').replace('T', '_');
  const fresh = mkdtempSync(join(directory, `..${stamp}.`));
  chmodSync(fresh, 0o755);
  for (const [path, { content, mode }] of files) {
    const file = join(fresh, path);
    mkdirSync(dirname(file), { recursive: true, mode: 0o755 });
    writeFileSync(file, content, { mode: 0o600 });
    chmodSync(file, mode);
  }
  const next = join(directory, '..data_tmp');
  rmSync(next, { force: true });
  symlinkSync(fresh.slice(directory.length + 1), next);
  renameSync(next, data);
  linkEntries(directory, new Set([...files.keys()].map((path) => path.split('/')[0] ?? path)));
  if (before !== undefined) rmSync(join(directory, before), { recursive: true, force: true });
  return true;
}

function linkEntries(directory: string, names: ReadonlySet<string>): void {
  for (const name of readdirSync(directory)) {
    if (name.startsWith('..') || names.has(name)) continue;
    if (lstatSync(join(directory, name)).isSymbolicLink()) rmSync(join(directory, name));
  }
  for (const name of names) {
    const link = join(directory, name);
    if (lstatSync(link, { throwIfNoEntry: false }) === undefined) symlinkSync(join(DATA, name), link);
  }
}

function holds(directory: string, files: VolumeFiles): boolean {
  const present = readdirSync(directory, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  );
  if (present.length !== files.size) return false;
  return [...files].every(([path, { content, mode }]) => {
    const file = join(directory, path);
    const info = lstatSync(file, { throwIfNoEntry: false });
    return (
      info?.isFile() === true && (info.mode & 0o777) === (mode & 0o777) && readFileSync(file).equals(content)
    );
  });
}
