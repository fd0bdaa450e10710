/** What container engines hide from or make read-only for unprivileged containers. Pure. */
import {
  AT_FDCWD,
  MOUNT_ATTR_RDONLY,
  MS_BIND,
  MS_NODEV,
  MS_NOEXEC,
  MS_NOSUID,
  MS_RDONLY,
  MS_REC,
  MS_REMOUNT,
} from './constants.ts';
import type { InitStep } from './init-list.ts';

const MASKED_FILES = [
  '/proc/kcore',
  '/proc/keys',
  '/proc/latency_stats',
  '/proc/timer_list',
  '/proc/sched_debug',
];
const MASKED_DIRECTORIES = ['/proc/acpi', '/proc/asound', '/proc/scsi', '/sys/firmware'];
const READ_ONLY = ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'];

/** Paths that this kernel or architecture lacks are passed over. */
export function planProcProtection(): InitStep[] {
  const attempt = (args: InitStep['args'], purpose: string): InitStep => ({
    call: 'mount',
    args,
    purpose,
    ignore: 'any',
  });
  const kept = MS_NOSUID | MS_NODEV | MS_NOEXEC;
  return [
    ...MASKED_FILES.map((path) =>
      attempt([{ text: '/dev/null' }, { text: path }, 0, MS_BIND, 0], `mask ${path}`),
    ),
    ...MASKED_DIRECTORIES.map((path) =>
      attempt(
        [{ text: 'tmpfs' }, { text: path }, { text: 'tmpfs' }, MS_RDONLY, { text: 'size=0k' }],
        `mask ${path}`,
      ),
    ),
    ...READ_ONLY.flatMap((path) => [
      attempt([{ text: path }, { text: path }, 0, MS_BIND | MS_REC, 0], `protect ${path}`),
      attempt([0, { text: path }, 0, MS_BIND | MS_REMOUNT | MS_RDONLY | kept, 0], `protect ${path}`),
    ]),
  ];
}

/** Files that are there and must not be read: unlike the kernel's, none may be passed over. */
export function planHidden(files: readonly string[]): InitStep[] {
  return files.map((path) => ({
    call: 'mount',
    args: [{ text: '/dev/null' }, { text: path }, 0, MS_BIND, 0],
    purpose: `hide ${path}`,
  }));
}

/** readOnlyRootFilesystem: the root alone, not the volumes on it. */
export function planReadOnlyRoot(): InitStep[] {
  const attributes = new Uint8Array(32);
  attributes[0] = MOUNT_ATTR_RDONLY;
  return [
    {
      call: 'mount_setattr',
      args: [AT_FDCWD, { text: '/' }, 0, { bytes: attributes }, 32],
      purpose: 'make the root read-only',
    },
  ];
}
