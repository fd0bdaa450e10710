/** Files that a container or an image may have had a hand in: read without following links out, and never whole. */
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { resolveInRoot } from './image-extract.ts';

const MAX_ROOT_FILE_BYTES = 1 << 20;

/** A small text file of an image, links followed as a container would; empty when there is no such regular file. */
export function readRootFile(root: string, path: string): string {
  try {
    return readTail(resolveInRoot(root, path.split('/'), false), MAX_ROOT_FILE_BYTES);
  } catch {
    return '';
  }
}

/** The end of a file, so many bytes at most; empty when there is no such regular file. A link is none. */
export function readTail(path: string, maxBytes: number): string {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch {
    return '';
  }
  try {
    const info = fstatSync(fd);
    if (!info.isFile()) return '';
    const start = Math.max(0, info.size - maxBytes);
    const bytes = Buffer.alloc(Math.min(info.size, maxBytes));
    return bytes.toString('utf8', 0, readSync(fd, bytes, 0, bytes.length, start));
  } finally {
    closeSync(fd);
  }
}
