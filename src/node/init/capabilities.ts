/** Linux capabilities in the order of their numbers (capability.h). */
export const CAPABILITIES = [
  'CHOWN',
  'DAC_OVERRIDE',
  'DAC_READ_SEARCH',
  'FOWNER',
  'FSETID',
  'KILL',
  'SETGID',
  'SETUID',
  'SETPCAP',
  'LINUX_IMMUTABLE',
  'NET_BIND_SERVICE',
  'NET_BROADCAST',
  'NET_ADMIN',
  'NET_RAW',
  'IPC_LOCK',
  'IPC_OWNER',
  'SYS_MODULE',
  'SYS_RAWIO',
  'SYS_CHROOT',
  'SYS_PTRACE',
  'SYS_PACCT',
  'SYS_ADMIN',
  'SYS_BOOT',
  'SYS_NICE',
  'SYS_RESOURCE',
  'SYS_TIME',
  'SYS_TTY_CONFIG',
  'MKNOD',
  'LEASE',
  'AUDIT_WRITE',
  'AUDIT_CONTROL',
  'SETFCAP',
  'MAC_OVERRIDE',
  'MAC_ADMIN',
  'SYSLOG',
  'WAKE_ALARM',
  'BLOCK_SUSPEND',
  'AUDIT_READ',
  'PERFMON',
  'BPF',
  'CHECKPOINT_RESTORE',
] as const;

/** What container engines leave by default, without SYS_CHROOT and MKNOD. */
const DEFAULT: readonly string[] = [
  'CHOWN',
  'DAC_OVERRIDE',
  'FOWNER',
  'FSETID',
  'SETGID',
  'SETUID',
  'SETPCAP',
  'NET_BIND_SERVICE',
  'NET_RAW',
  'KILL',
  'SETFCAP',
  'AUDIT_WRITE',
];

const numberOf = (name: string): number =>
  (CAPABILITIES as readonly string[]).indexOf(name.toUpperCase().replace(/^CAP_/, ''));

const ALL: readonly number[] = [...CAPABILITIES.keys()];

/** The numbers in a mask as /proc/PID/status writes it: `000001ffffffffff`. */
export function capabilitiesInMask(mask: string): Set<number> {
  const bits = BigInt(`0x${mask}`);
  return new Set(ALL.filter((number) => (bits >> BigInt(number)) & 1n));
}

/**
 * The capability numbers of a container, ascending: the default set, `ALL` or single ones added, then dropped ones
 * removed. Adding wins over `drop: [ALL]`, as upstream. Unknown names are an error naming them. What the node itself has
 * not (`held`) nobody gets.
 */
export function planCapabilities(input: {
  add?: readonly string[] | undefined;
  drop?: readonly string[] | undefined;
  privileged?: boolean | undefined;
  held: ReadonlySet<number>;
}): number[] {
  const all = ALL.filter((number) => input.held.has(number));
  if (input.privileged === true) return all;
  const add = input.add ?? [];
  const drop = input.drop ?? [];
  const isAll = (name: string): boolean => name.toUpperCase() === 'ALL';
  const unknown = [...add, ...drop].filter((name) => !isAll(name) && numberOf(name) < 0);
  if (unknown.length > 0) throw new Error(`unknown capabilities: ${unknown.join(', ')}`);
  const set = new Set(add.some(isAll) ? all : DEFAULT.map(numberOf));
  if (drop.some(isAll) && !add.some(isAll)) set.clear();
  for (const name of drop) set.delete(numberOf(name));
  for (const name of add) if (!isAll(name)) set.add(numberOf(name));
  return ALL.filter((number) => set.has(number) && input.held.has(number));
}
