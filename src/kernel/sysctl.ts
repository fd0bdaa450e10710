import { readFileSync, writeFileSync } from 'node:fs';
import { withNamespaces } from '#os/namespace.ts';

/** A kernel parameter that could not be read or set. */
export class SysctlError extends Error {
  override readonly name = 'SysctlError';
  /** `EACCES`, `ENOENT` and so on. */
  readonly code: string;

  constructor(message: string, cause: unknown) {
    const code = (cause as { code?: string }).code ?? 'EIO';
    super(`${message}: ${code}`, { cause });
    this.code = code;
  }
}

export interface SysctlOptions {
  /** Descriptor of the network namespace whose `net.…` parameter is meant; this thread's own by default. */
  netns?: number | undefined;
}

/**
 * The text of a kernel parameter such as `net.ipv4.ip_forward`. Dots within a part (an interface name)
 * are written as slashes, as sysctl(8) does: `net.ipv4.conf.eth0/1.rp_filter`.
 */
export function readSysctl(name: string, { netns }: SysctlOptions = {}): string {
  try {
    return inNamespace(netns, () => readFileSync(pathOf(name), 'utf8').trim());
  } catch (error) {
    throw new SysctlError(`read ${name}`, error);
  }
}

/** Sets a kernel parameter. Synchronous, because only this thread itself is in its namespace. */
export function writeSysctl(name: string, value: string | number, { netns }: SysctlOptions = {}): void {
  try {
    inNamespace(netns, () => writeFileSync(pathOf(name), `${value}\n`));
  } catch (error) {
    throw new SysctlError(`set ${name} to ${value}`, error);
  }
}

/** `/proc/sys/net` shows the namespace of the thread that opens a file in it. */
function inNamespace<T>(netns: number | undefined, fn: () => T): T {
  return netns === undefined ? fn() : withNamespaces({ net: netns }, fn);
}

function pathOf(name: string): string {
  const path = name.replaceAll(/[./]/g, (separator) => (separator === '.' ? '/' : '.'));
  if (path.split('/').some((part) => part === '' || part === '.' || part === '..')) {
    throw Object.assign(new TypeError(`${JSON.stringify(name)} is no name of a kernel parameter`), {
      code: 'EINVAL',
    });
  }
  return `/proc/sys/${path}`;
}
