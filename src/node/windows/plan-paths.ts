/** Paths of Windows nodes and containers as kubelet writes them (pkg/volume/util, pkg/util/filesystem). Pure. */

/** `\\server\share`, `\\?\c:\` and named pipes. */
export const isUncPath = (path: string): boolean => path.startsWith('\\\\');

/** Begins at a root, but of no drive. */
export const isLocalPath = (path: string): boolean =>
  !isUncPath(path) && !path.includes(':') && /^[/\\]/.test(path);

/** With drive c: where there is none; whatever has a colon stays as it is. */
export function makeAbsolutePath(path: string): string {
  if (path.includes(':')) return path;
  return /^[/\\]/.test(path) ? `c:${path}` : `c:\\${path}`;
}

/** A volume's path on the node: bind mounts need the drive. */
export const planHostPath = (path: string): string => (isLocalPath(path) ? makeAbsolutePath(path) : path);

/** Where it is mounted: `\data` and `/data` may stay, `data` becomes `c:\data`. */
export const planContainerPath = (mountPath: string): string =>
  /^[/\\]|^[A-Za-z]:[/\\]/.test(mountPath) ? mountPath : makeAbsolutePath(mountPath);
