import { createRequire } from 'node:module';
import { getSystemErrorName } from 'node:util';
import type Koffi from 'koffi';
import type { LibraryHandle } from 'koffi';

/** A system call that failed: which, the errno and its name, and what it was about. */
export class Errno extends Error {
  override readonly name = 'Errno';
  readonly syscall: string;
  /** Positive, as in errno(3). */
  readonly errno: number;
  /** `EEXIST` and the like. */
  readonly code: string;

  constructor(syscall: string, errno: number, about = '') {
    const code = errnoName(errno);
    super(`${syscall}${about === '' ? '' : ` ${about}`}: ${code} (${errno})`);
    this.syscall = syscall;
    this.errno = errno;
    this.code = code;
  }
}

/** The name of a positive errno; `E<number>` for one that libuv has no name for. */
export function errnoName(errno: number): string {
  const name = EXTRA_NAMES[errno] ?? getSystemErrorName(-errno);
  return name.startsWith('Unknown') ? `E${errno}` : name;
}

/** Kernel errors that nf_tables and netlink answer with and that libuv does not map, or not as Linux does. */
const EXTRA_NAMES: Record<number, string> = {
  39: 'ENOTEMPTY',
  85: 'ERESTART',
  95: 'EOPNOTSUPP',
  524: 'ENOTSUPP',
};

/** Whether it is an `Errno` (or a Node system error) with this code. */
export function isErrno(error: unknown, code: string): boolean {
  return error instanceof Error && (error as { code?: unknown }).code === code;
}

/** The C library's functions as they are: they return -1 and leave errno, which `check()` turns into an `Errno`. */
export interface Libc {
  unshare(flags: number): number;
  setns(fd: number, type: number): number;
  sethostname(name: string, length: number): number;
  socket(domain: number, type: number, protocol: number): number;
  bind(fd: number, address: Uint8Array, length: number): number;
  listen(fd: number, backlog: number): number;
  connect(fd: number, address: Uint8Array, length: number): number;
  close(fd: number): number;
  setsockopt(fd: number, level: number, option: number, value: Uint8Array, length: number): number;
  getsockopt(fd: number, level: number, option: number, value: Uint8Array, length: Uint8Array): number;
  getsockname(fd: number, address: Uint8Array, length: Uint8Array): number;
  sendto(
    fd: number,
    data: Uint8Array,
    length: number,
    flags: number,
    address: Uint8Array | null,
    addressLength: number,
  ): number;
  recv(fd: number, buffer: Uint8Array, length: number, flags: number): number;
  /** `header` holds the bytes of a `struct msghdr`; `addressOf()` gives the pointers for it. */
  recvmsg(fd: number, header: Uint8Array, flags: number): number;
  sendmsg(fd: number, header: Uint8Array, flags: number): number;
  /** `headers` holds `count` times the bytes of a `struct mmsghdr`; returns how many messages there were. */
  recvmmsg(fd: number, headers: Uint8Array, count: number, flags: number, timeout: null): number;
  sendmmsg(fd: number, headers: Uint8Array, count: number, flags: number): number;
  poll: (fds: Uint8Array, count: number, timeoutMs: number) => number;
  fcntl(fd: number, command: number, argument: number): number;
  flock(fd: number, operation: number): number;
  /** Writes the status, 4 bytes; 0 when the child has not ended and WNOHANG was given. */
  waitpid(pid: number, status: Uint8Array | null, options: number): number;
  prctl(option: number, argument2: number, argument3: number, argument4: number, argument5: number): number;
  mount(source: string, target: string, type: string | null, flags: number, data: string | null): number;
  umount2(target: string, flags: number): number;
  /** Writes two 32-bit descriptors: the end to read from, the end to write to. */
  pipe2(fds: Uint8Array, flags: number): number;
  memfd_create(name: string, flags: number): number;
  ioctl(fd: number, request: number, data: Uint8Array): number;
}

interface Loaded {
  functions: Libc;
  errno: () => number;
  address: (memory: Uint8Array) => bigint;
}

let loaded: Loaded | undefined;

/** The bindings, made at first use: koffi takes 10 ms to load, and most commands never need it. */
export function libc(): Libc {
  return load().functions;
}

/** Passes a result on, or throws the `Errno` of a call that returned -1. Call it right after the system call. */
export function check(result: number, syscall: string, about = ''): number {
  if (result >= 0) return result;
  throw new Errno(syscall, load().errno(), about);
}

/** The errno of the last call on this thread; only meaningful right after a call that failed. */
export function lastErrno(): number {
  return load().errno();
}

/**
 * Where a byte array lies, for structures that hold pointers. Valid as long as the caller keeps the
 * array: make it with `Buffer.allocUnsafeSlow()`, whose memory V8 never moves.
 */
export function addressOf(memory: Uint8Array): bigint {
  return load().address(memory);
}

function load(): Loaded {
  if (loaded !== undefined) return loaded;
  if (process.platform !== 'linux') throw new Error(`Portolan needs Linux; this is ${process.platform}`);
  const koffi = createRequire(import.meta.url)('koffi') as typeof Koffi;
  const library = koffi.load(null);
  loaded = {
    functions: bindAll(library),
    errno: () => koffi.errno(),
    address: (memory) => koffi.address(memory),
  };
  return loaded;
}

const PROTOTYPES = {
  unshare: 'int unshare(int)',
  setns: 'int setns(int, int)',
  sethostname: 'int sethostname(const char *, ulong)',
  socket: 'int socket(int, int, int)',
  bind: 'int bind(int, const void *, uint32_t)',
  listen: 'int listen(int, int)',
  connect: 'int connect(int, const void *, uint32_t)',
  close: 'int close(int)',
  setsockopt: 'int setsockopt(int, int, int, const void *, uint32_t)',
  getsockopt: 'int getsockopt(int, int, int, void *, void *)',
  getsockname: 'int getsockname(int, void *, void *)',
  sendto: 'long sendto(int, const void *, ulong, int, const void *, uint32_t)',
  recv: 'long recv(int, void *, ulong, int)',
  recvmsg: 'long recvmsg(int, void *, int)',
  sendmsg: 'long sendmsg(int, const void *, int)',
  recvmmsg: 'int recvmmsg(int, void *, uint, int, void *)',
  sendmmsg: 'int sendmmsg(int, void *, uint, int)',
  poll: 'int poll(void *, ulong, int)',
  fcntl: 'int fcntl(int, int, long)',
  flock: 'int flock(int, int)',
  waitpid: 'int waitpid(int, void *, int)',
  prctl: 'int prctl(int, ulong, ulong, ulong, ulong)',
  mount: 'int mount(const char *, const char *, const char *, ulong, const char *)',
  umount2: 'int umount2(const char *, int)',
  pipe2: 'int pipe2(void *, int)',
  memfd_create: 'int memfd_create(const char *, uint)',
  ioctl: 'int ioctl(int, ulong, void *)',
} satisfies Record<keyof Libc, string>;

function bindAll(library: LibraryHandle): Libc {
  const entries = Object.entries(PROTOTYPES).map(([name, prototype]) => [name, library.func(prototype)]);
  return Object.fromEntries(entries) as Libc;
}
