import { writeSync } from 'node:fs';
import net from 'node:net';
import { threadLedger } from './fd-ledger.ts';
import { check, libc } from './libc.ts';

const O_CLOEXEC = 0o2000000;
const MFD_CLOEXEC = 1;
const MFD_ALLOW_SEALING = 2;
const F_ADD_SEALS = 1033;
/** F_SEAL_SEAL, SHRINK, GROW and WRITE. */
const ALL_SEALS = 0xf;

/** A pipe's two raw descriptors, close-on-exec; the caller closes them with `closeFd()` or adopts them. */
export interface Pipe {
  read: number;
  write: number;
}

/**
 * A real pipe. What `child_process` calls one is a socket pair, which a program cannot open again through
 * /dev/stdout.
 */
export function makePipe(): Pipe {
  const fds = Buffer.alloc(8);
  check(libc().pipe2(fds, O_CLOEXEC), 'pipe2');
  const pipe = { read: fds.readInt32LE(0), write: fds.readInt32LE(4) };
  threadLedger().add(pipe.read);
  threadLedger().add(pipe.write);
  return pipe;
}

/** Makes one end of a pipe a stream of this thread, which now owns the descriptor. */
export function adoptPipe(fd: number, direction: 'read' | 'write'): net.Socket {
  const socket = new net.Socket({ fd, readable: direction === 'read', writable: direction === 'write' });
  threadLedger().forget(fd);
  return socket;
}

/**
 * A file that exists in memory only, holding `content`, positioned at its start; closed with `closeFd()`. It is sealed:
 * a program run from it can be reached by what it becomes (/proc/PID/exe), and must not be changed for the next one.
 */
export function makeMemoryFile(name: string, content: Uint8Array): number {
  const fd = check(libc().memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING), 'memfd_create', name);
  threadLedger().add(fd);
  let written = 0;
  while (written < content.length)
    written += writeSync(fd, content, written, content.length - written, written);
  check(libc().fcntl(fd, F_ADD_SEALS, ALL_SEALS), 'fcntl', `F_ADD_SEALS of ${name}`);
  return fd;
}
