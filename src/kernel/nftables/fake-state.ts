import type { Expression } from '#wire/nftables-expression.ts';
import type { ListedElement } from './client.ts';
import type { EncodedKey } from './element-codec.ts';
import type { Chain, Counter, NftMap, NftSet, Rule, Table } from './objects.ts';

export interface FakeRule {
  readonly rule: Rule;
  readonly expressions: readonly Expression[];
  readonly handle: bigint;
}

export interface FakeChain {
  chain: Chain;
  rules: readonly FakeRule[];
}

export interface FakeElement {
  readonly element: ListedElement;
  /** Its data in a form that compares. */
  readonly data: string;
  readonly encoded: EncodedKey;
}

export interface FakeSet {
  readonly set: NftSet | NftMap;
  readonly elements: Map<string, FakeElement>;
}

export interface FakeTable {
  readonly table: Table;
  readonly chains: Map<string, FakeChain>;
  readonly sets: Map<string, FakeSet>;
  readonly counters: Map<string, Counter>;
}

/** The name of a table among those of all families. */
export function key(family: string, name: string): string {
  return `${family} ${name}`;
}

/** Tables that can take back what was done since the last `commit()`. */
export class FakeState {
  readonly tables = new Map<string, FakeTable>();
  #undo: Array<() => void> = [];
  #handle = 0n;

  nextHandle(): bigint {
    return ++this.#handle;
  }

  addTable(table: Table): void {
    const entry = { table, chains: new Map(), sets: new Map(), counters: new Map() };
    this.put(this.tables, key(table.family, table.name), entry);
  }

  /** Adds a chain, or gives an existing one its new policy. */
  setChain(table: FakeTable, chain: Chain): void {
    const rules = table.chains.get(chain.name)?.rules ?? [];
    this.put(table.chains, chain.name, { chain, rules });
  }

  setRules(entry: FakeChain, rules: readonly FakeRule[]): void {
    const before = entry.rules;
    this.#undo.push(() => {
      entry.rules = before;
    });
    entry.rules = rules;
  }

  put<T>(map: Map<string, T>, name: string, value: T): void {
    const before = map.get(name);
    this.#undo.push(() => {
      if (before === undefined) map.delete(name);
      else map.set(name, before);
    });
    map.set(name, value);
  }

  remove<T>(map: Map<string, T>, name: string): void {
    const before = map.get(name);
    if (before === undefined) return;
    this.#undo.push(() => map.set(name, before));
    map.delete(name);
  }

  commit(): void {
    this.#undo = [];
  }

  rollBack(): void {
    for (const undo of this.#undo.reverse()) undo();
    this.#undo = [];
  }
}
