import type { DataType, Value } from './data-types.ts';
import type { Statement } from './statements.ts';

/** Which packets a table sees; `inet` is IPv4 and IPv6 together. */
export type Family = 'ip' | 'ip6' | 'inet' | 'arp' | 'bridge' | 'netdev';

/** Names are unique per family within a network namespace. */
export interface Table {
  readonly kind: 'table';
  readonly family: Family;
  readonly name: string;
  /** At most 120 bytes. */
  readonly comment?: string | undefined;
  /**
   * Only the client that made it may change it, and it goes with that client, however that ends (Linux 5.12, before
   * which it is refused with EOPNOTSUPP). Whether a table is owned cannot be changed.
   */
  readonly owned?: boolean | undefined;
}

export type ChainType = 'filter' | 'nat' | 'route';
export type Hook = 'prerouting' | 'input' | 'forward' | 'output' | 'postrouting' | 'ingress' | 'egress';

/** Priorities with a name: lower ones run first. Destinations are translated at `dstnat`, sources at `srcnat`. */
export const PRIORITIES = {
  raw: -300,
  mangle: -150,
  dstnat: -100,
  filter: 0,
  security: 50,
  srcnat: 100,
} as const;

/** Where the kernel calls a base chain. */
export interface BaseHook {
  readonly type: ChainType;
  readonly hook: Hook;
  readonly priority: number;
  /** What becomes of a packet that no rule decided; `accept` by default. */
  readonly policy?: 'accept' | 'drop' | undefined;
  /** Of an ingress or egress chain. */
  readonly device?: string | undefined;
}

export interface Chain {
  readonly kind: 'chain';
  readonly table: Table;
  readonly name: string;
  /** Absent for a chain that is only jumped to. A chain's hook cannot be changed, only its policy. */
  readonly base?: BaseHook | undefined;
  readonly comment?: string | undefined;
}

interface Collection {
  readonly table: Table;
  readonly name: string;
  /** Several types are a concatenation. */
  readonly key: readonly DataType[];
  /** Keys are ranges or prefixes. */
  readonly interval?: boolean | undefined;
  /** Rules may add elements (`update` statements). */
  readonly dynamic?: boolean | undefined;
  /** Elements may have timeouts of their own; implied by `timeoutMs`. */
  readonly timeouts?: boolean | undefined;
  /** For elements that say nothing else. */
  readonly timeoutMs?: number | undefined;
  /** Most elements it may hold (the kernel's own limit for dynamic ones is 65,535). */
  readonly size?: number | undefined;
  readonly comment?: string | undefined;
}

export interface NftSet extends Collection {
  readonly kind: 'set';
}

export interface NftMap extends Collection {
  readonly kind: 'map';
  /** What a key leads to: values (several are a concatenation, such as address and port) or a verdict. */
  readonly data: readonly DataType[] | 'verdict';
}

export interface Counter {
  readonly kind: 'counter';
  readonly table: Table;
  readonly name: string;
  readonly comment?: string | undefined;
}

export type NftObject = Table | Chain | NftSet | NftMap | Counter;

/** What happens to a packet. `jump` comes back to the next rule, `goto` does not. */
export type Verdict =
  | 'accept'
  | 'drop'
  | 'return'
  | 'continue'
  | { readonly jump: string }
  | { readonly goto: string };

/**
 * One value per type of the key, or the key's bytes as the kernel wants them (each part of a
 * concatenation padded to 4 bytes). In an interval set a part is also a CIDR, or a range `from-to` of
 * addresses or numbers.
 */
export type ElementKey = readonly Value[] | Uint8Array;

export interface Element {
  readonly key: ElementKey;
  /** Of a map: one value per type of its data (or their bytes), or a verdict. */
  readonly data?: readonly Value[] | Uint8Array | Verdict | undefined;
  /** How long it lives from now on. */
  readonly timeoutMs?: number | undefined;
  readonly comment?: string | undefined;
}

export interface Rule {
  readonly chain: Chain;
  readonly statements: readonly Statement[];
  readonly comment?: string | undefined;
}

export function table(family: Family, name: string, comment?: string): Table {
  return { kind: 'table', family, name, comment };
}

/** A quick name for errors: `chain inet portolan services`. */
export function objectName(object: NftObject): string {
  if (object.kind === 'table') return `table ${object.family} ${object.name}`;
  return `${object.kind} ${object.table.family} ${object.table.name} ${object.name}`;
}
