import { closeSync, openSync } from 'node:fs';
import { check, isErrno, libc } from './libc.ts';

const LOCK_EX = 2;
const LOCK_NB = 4;

/** A lock that the kernel gives up by itself when its process ends, however it ends. */
export interface FileLock extends Disposable {
  readonly path: string;
}

/** Takes the lock of a file (made if missing), or returns undefined because somebody else has it. flock(2). */
export function tryLockFile(path: string): FileLock | undefined {
  const fd = openSync(path, 'a', 0o600);
  try {
    check(libc().flock(fd, LOCK_EX | LOCK_NB), 'flock', path);
  } catch (error) {
    closeSync(fd);
    if (isErrno(error, 'EAGAIN')) return undefined;
    throw error;
  }
  return { path, [Symbol.dispose]: () => closeSync(fd) };
}
