import type { Chain, Element, NftMap, NftSet, Table } from './objects.ts';
import type { Transaction } from './transaction.ts';

/** A rule as it is in place. */
export interface ListedRule {
  readonly table: Table;
  readonly chain: string;
  /** Names the rule in `deleteRule` and `replaceRule`. */
  readonly handle: bigint;
  readonly comment?: string | undefined;
  /** The kernel's expressions, one line each: for audits that compare, and for people. */
  readonly expressions: readonly string[];
}

export interface ListedElement extends Element {
  readonly key: readonly (string | number)[];
  /** Until it goes away by itself. */
  readonly expiresMs?: number | undefined;
}

export interface RunOptions {
  /** Rather fail with EMSGSIZE than be split into several atomic parts. */
  atomic?: boolean | undefined;
  /** Fail with ERESTART if anybody changed the ruleset since this `generation()`. */
  generation?: number | undefined;
}

/** nf_tables of one network namespace: the kernel's, or the fake in memory. */
export interface NftablesClient extends Disposable {
  /**
   * Makes all changes or none and returns in how many parts: a transaction too large for one message is
   * split in order, each part atomic. Throws a `NftablesError` that names what was refused.
   */
  run(transaction: Transaction, options?: RunOptions): number;
  /** A number that every change of the ruleset, by anybody, makes another. */
  generation(): number;
  tables(): Table[];
  chains(table: Table): Chain[];
  /** Sets and maps, but not those without a name. */
  sets(table: Table): Array<NftSet | NftMap>;
  rules(table: Table, chain?: string): ListedRule[];
  /** The kernel's time for it grows with the square of the number: a fifth of a second for 30,000, seconds for 250,000. */
  elements(set: NftSet | NftMap): ListedElement[];
  /** Counter objects by name. */
  counters(table: Table): Map<string, { packets: bigint; bytes: bigint }>;
}
