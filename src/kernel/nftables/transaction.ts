import type { Chain, Element, ElementKey, NftMap, NftObject, NftSet, Rule, Table } from './objects.ts';
import type { Statement } from './statements.ts';

/** One change. `create` fails when the object is there, `delete` when it is not; `add` and `destroy` do not mind. */
export type Operation =
  | { readonly do: 'add' | 'create' | 'delete' | 'destroy'; readonly object: NftObject }
  /** Empties a table of rules, a chain of rules, a set or map of elements. */
  | { readonly do: 'flush'; readonly object: Table | Chain | NftSet | NftMap }
  | { readonly do: 'addRule' | 'insertRule'; readonly rule: Rule; readonly handle?: bigint | undefined }
  | { readonly do: 'replaceRule'; readonly rule: Rule; readonly handle: bigint }
  | { readonly do: 'deleteRule'; readonly chain: Chain; readonly handle: bigint }
  | {
      readonly do: 'addElements' | 'createElements' | 'deleteElements' | 'destroyElements';
      readonly set: NftSet | NftMap;
      readonly elements: readonly Element[];
    };

/**
 * Changes that are made together, as a value: build it where things are decided, print it, run it once.
 * The kernel takes all of it or nothing, unless it is too large for one message (see `Nftables#run`).
 */
export class Transaction {
  readonly #operations: Operation[] = [];

  get operations(): readonly Operation[] {
    return this.#operations;
  }

  get isEmpty(): boolean {
    return this.#operations.length === 0;
  }

  /** Makes it; there is no error when it exists already, and then nothing but a chain's policy is changed. */
  add(...objects: readonly NftObject[]): this {
    return this.#each('add', objects);
  }

  create(...objects: readonly NftObject[]): this {
    return this.#each('create', objects);
  }

  /** Removes it with what is in it. EBUSY while a rule elsewhere refers to it. */
  delete(...objects: readonly NftObject[]): this {
    return this.#each('delete', objects);
  }

  /** As `delete()`, without an error when it is not there (Linux 6.3). */
  destroy(...objects: readonly NftObject[]): this {
    return this.#each('destroy', objects);
  }

  flush(...objects: ReadonlyArray<Table | Chain | NftSet | NftMap>): this {
    for (const object of objects) this.#operations.push({ do: 'flush', object });
    return this;
  }

  /** Appends a rule to its chain, or puts it behind the rule with this handle. */
  addRule(chain: Chain, statements: readonly Statement[], options: RulePlace = {}): this {
    this.#operations.push({
      do: 'addRule',
      rule: { chain, statements, comment: options.comment },
      handle: options.handle,
    });
    return this;
  }

  /** Puts a rule at the chain's beginning, or before the rule with this handle. */
  insertRule(chain: Chain, statements: readonly Statement[], options: RulePlace = {}): this {
    this.#operations.push({
      do: 'insertRule',
      rule: { chain, statements, comment: options.comment },
      handle: options.handle,
    });
    return this;
  }

  replaceRule(chain: Chain, handle: bigint, statements: readonly Statement[], comment?: string): this {
    this.#operations.push({ do: 'replaceRule', rule: { chain, statements, comment }, handle });
    return this;
  }

  deleteRule(chain: Chain, handle: bigint): this {
    this.#operations.push({ do: 'deleteRule', chain, handle });
    return this;
  }

  /** EEXIST when a key is there with other data: delete it first, which the same transaction may do. */
  addElements(set: NftSet | NftMap, elements: readonly Element[]): this {
    return this.#elements('addElements', set, elements);
  }

  /** EEXIST when a key is there already. */
  createElements(set: NftSet | NftMap, elements: readonly Element[]): this {
    return this.#elements('createElements', set, elements);
  }

  /** ENOENT when a key is not there. */
  deleteElements(set: NftSet | NftMap, keys: readonly ElementKey[]): this {
    return this.#elements(
      'deleteElements',
      set,
      keys.map((key) => ({ key })),
    );
  }

  /** Without an error for keys that are not there (Linux 6.3). */
  destroyElements(set: NftSet | NftMap, keys: readonly ElementKey[]): this {
    return this.#elements(
      'destroyElements',
      set,
      keys.map((key) => ({ key })),
    );
  }

  /** All of another transaction after what is here. */
  append(other: Transaction): this {
    for (const operation of other.operations) this.#operations.push(operation);
    return this;
  }

  #each(verb: 'add' | 'create' | 'delete' | 'destroy', objects: readonly NftObject[]): this {
    for (const object of objects) this.#operations.push({ do: verb, object });
    return this;
  }

  #elements(
    verb: 'addElements' | 'createElements' | 'deleteElements' | 'destroyElements',
    set: NftSet | NftMap,
    elements: readonly Element[],
  ): this {
    if (elements.length > 0) this.#operations.push({ do: verb, set, elements });
    return this;
  }
}

interface RulePlace {
  comment?: string | undefined;
  handle?: bigint | undefined;
}
