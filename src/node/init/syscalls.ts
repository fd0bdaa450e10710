import type { Architecture } from './elf.ts';

/** Numbers of the system calls that the init makes, per architecture (asm/unistd.h; 424 and above are shared). */
const NUMBERS = {
  openat: { x64: 257, arm64: 56 },
  openat2: { x64: 437, arm64: 437 },
  ppoll: { x64: 271, arm64: 73 },
  rt_sigaction: { x64: 13, arm64: 134 },
  close: { x64: 3, arm64: 57 },
  close_range: { x64: 436, arm64: 436 },
  dup3: { x64: 292, arm64: 24 },
  fcntl: { x64: 72, arm64: 25 },
  ioctl: { x64: 16, arm64: 29 },
  mkdirat: { x64: 258, arm64: 34 },
  mknodat: { x64: 259, arm64: 33 },
  symlinkat: { x64: 266, arm64: 36 },
  fchmodat: { x64: 268, arm64: 53 },
  fchown: { x64: 93, arm64: 55 },
  fchownat: { x64: 260, arm64: 54 },
  chdir: { x64: 80, arm64: 49 },
  fchdir: { x64: 81, arm64: 50 },
  umask: { x64: 95, arm64: 166 },
  mount: { x64: 165, arm64: 40 },
  umount2: { x64: 166, arm64: 39 },
  pivot_root: { x64: 155, arm64: 41 },
  open_tree: { x64: 428, arm64: 428 },
  move_mount: { x64: 429, arm64: 429 },
  fsopen: { x64: 430, arm64: 430 },
  fsconfig: { x64: 431, arm64: 431 },
  fsmount: { x64: 432, arm64: 432 },
  mount_setattr: { x64: 442, arm64: 442 },
  unshare: { x64: 272, arm64: 97 },
  setns: { x64: 308, arm64: 268 },
  setsid: { x64: 112, arm64: 157 },
  setgroups: { x64: 116, arm64: 159 },
  setresgid: { x64: 119, arm64: 149 },
  setresuid: { x64: 117, arm64: 147 },
  capset: { x64: 126, arm64: 91 },
  keyctl: { x64: 250, arm64: 219 },
  prctl: { x64: 157, arm64: 167 },
  execve: { x64: 59, arm64: 221 },
} as const satisfies Record<string, Record<Architecture, number>>;

export type SyscallName = keyof typeof NUMBERS;

/** The number of a system call on an architecture. */
export function syscallNumber(name: SyscallName, architecture: Architecture): number {
  return NUMBERS[name][architecture];
}
