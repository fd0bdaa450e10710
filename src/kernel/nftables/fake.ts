import type { ListedElement, ListedRule, NftablesClient, RunOptions } from './client.ts';
import { compileRule } from './compile.ts';
import { describeOperation } from './describe.ts';
import { decodeRange, decodeValues, encodeData, encodeKey } from './element-codec.ts';
import { NftablesError } from './error.ts';
import { overlapsAny } from './fake-overlap.ts';
import { hasReferents, isUsed } from './fake-references.ts';
import { FakeState, type FakeTable, key } from './fake-state.ts';
import {
  type Chain,
  type Element,
  type NftMap,
  type NftObject,
  type NftSet,
  objectName,
  type Rule,
  type Table,
} from './objects.ts';
import { printElement, printOperation, printRule } from './print.ts';
import { expressionText } from './read.ts';
import type { Operation, Transaction } from './transaction.ts';

const ENOENT = 2;
const EBUSY = 16;
const EEXIST = 17;
const ENFILE = 23;
const EINVAL = 22;
const ERESTART = 85;
const EOPNOTSUPP = 95;

/** Thrown inside; becomes the `NftablesError` of the operation at hand. */
class Refusal extends Error {
  readonly errno: number;
  constructor(errno: number) {
    super();
    this.errno = errno;
  }
}

/**
 * nf_tables in memory, with the kernel's answers to what does not exist, exists already or is in use. No
 * packet passes it, and elements do not expire.
 */
export class FakeNftables implements NftablesClient {
  readonly #state = new FakeState();
  #generation = 1;

  run(transaction: Transaction, { generation }: RunOptions = {}): number {
    if (transaction.isEmpty) return 0;
    if (generation !== undefined && generation !== this.#generation) {
      throw new NftablesError(
        'commit transaction',
        ERESTART,
        'the ruleset has been changed by somebody else',
      );
    }
    for (const operation of transaction.operations) {
      try {
        this.#apply(operation);
      } catch (error) {
        this.#state.rollBack();
        if (error instanceof Refusal) throw new NftablesError(describeOperation(operation), error.errno);
        throw error;
      }
    }
    this.#state.commit();
    this.#generation++;
    return 1;
  }

  generation(): number {
    return this.#generation;
  }

  tables(): Table[] {
    return [...this.#state.tables.values()].map(({ table }) => table);
  }

  chains(table: Table): Chain[] {
    return [...(this.#find(table)?.chains.values() ?? [])].map(({ chain }) => chain);
  }

  sets(table: Table): Array<NftSet | NftMap> {
    return [...(this.#find(table)?.sets.values() ?? [])].map(({ set }) => set);
  }

  rules(table: Table, chain?: string): ListedRule[] {
    const chains = [...(this.#find(table)?.chains.values() ?? [])];
    return chains
      .filter((entry) => chain === undefined || entry.chain.name === chain)
      .flatMap((entry) =>
        entry.rules.map(({ handle, rule, expressions }) => ({
          table,
          chain: entry.chain.name,
          handle,
          comment: rule.comment,
          expressions: expressions.map(expressionText),
        })),
      );
  }

  elements(set: NftSet | NftMap): ListedElement[] {
    const found = this.#find(set.table)?.sets.get(set.name);
    if (found === undefined) throw new NftablesError(`list ${objectName(set)}`, ENOENT);
    return [...found.elements.values()].map(({ element }) => element);
  }

  counters(table: Table): Map<string, { packets: bigint; bytes: bigint }> {
    const names = [...(this.#find(table)?.counters.keys() ?? [])];
    return new Map(names.map((name) => [name, { packets: 0n, bytes: 0n }]));
  }

  /** All that it holds, as nft commands that would make it. */
  dump(): string {
    const lines: string[] = [];
    for (const { table, chains, sets, counters } of this.#state.tables.values()) {
      const objects: NftObject[] = [table, ...counters.values()];
      objects.push(
        ...[...sets.values()].map(({ set }) => set),
        ...[...chains.values()].map(({ chain }) => chain),
      );
      lines.push(...objects.map((object) => printOperation({ do: 'add', object })));
      for (const { set, elements } of sets.values()) {
        for (const { element } of elements.values()) {
          lines.push(
            `add element ${table.family} ${table.name} ${set.name} { ${printElement(set, element)} }`,
          );
        }
      }
      for (const { chain, rules } of chains.values()) {
        for (const { rule } of rules) {
          lines.push(`add rule ${table.family} ${table.name} ${chain.name} ${printRule(rule)}`);
        }
      }
    }
    return lines.map((line) => `${line}\n`).join('');
  }

  [Symbol.dispose](): void {}

  #find({ family, name }: Table): FakeTable | undefined {
    return this.#state.tables.get(key(family, name));
  }

  #table(table: Table): FakeTable {
    return this.#find(table) ?? refuse(ENOENT);
  }

  #apply(operation: Operation): void {
    switch (operation.do) {
      case 'add':
      case 'create':
        return this.#add(operation.object, operation.do === 'create');
      case 'delete':
      case 'destroy':
        return this.#delete(operation.object, operation.do === 'destroy');
      case 'flush':
        return this.#flush(operation.object);
      case 'addRule':
      case 'insertRule':
      case 'replaceRule':
        return this.#putRule(operation);
      case 'deleteRule': {
        const entry = this.#table(operation.chain.table).chains.get(operation.chain.name) ?? refuse(ENOENT);
        const rules = entry.rules.filter(({ handle }) => handle !== operation.handle);
        if (rules.length === entry.rules.length) refuse(ENOENT);
        return this.#state.setRules(entry, rules);
      }
      default:
        return this.#elements(operation);
    }
  }

  #add(object: NftObject, isCreate: boolean): void {
    const existing = this.#existing(object);
    if (existing !== undefined) {
      if (isCreate) refuse(EEXIST);
      if (object.kind === 'chain' && !sameHook(object, existing as Chain)) refuse(EOPNOTSUPP);
      if (object.kind === 'chain') this.#state.setChain(this.#table(object.table), object);
      return;
    }
    if (object.kind === 'table') return this.#state.addTable(object);
    const table = this.#table(object.table);
    if (object.kind === 'chain') this.#state.setChain(table, object);
    else if (object.kind === 'counter') this.#state.put(table.counters, object.name, object);
    else this.#state.put(table.sets, object.name, { set: object, elements: new Map() });
  }

  #existing(object: NftObject): NftObject | undefined {
    if (object.kind === 'table') return this.#find(object)?.table;
    const table = this.#table(object.table);
    if (object.kind === 'chain') return table.chains.get(object.name)?.chain;
    if (object.kind === 'counter') return table.counters.get(object.name);
    return table.sets.get(object.name)?.set;
  }

  #delete(object: NftObject, isDestroy: boolean): void {
    const isThere =
      object.kind === 'table' ? this.#find(object) : this.#find(object.table) && this.#existing(object);
    if (isThere === undefined) {
      if (isDestroy) return;
      refuse(ENOENT);
    }
    if (object.kind === 'table')
      return this.#state.remove(this.#state.tables, key(object.family, object.name));
    const table = this.#table(object.table);
    if (isUsed(table, object)) refuse(EBUSY);
    const from =
      object.kind === 'chain' ? table.chains : object.kind === 'counter' ? table.counters : table.sets;
    this.#state.remove<unknown>(from, object.name);
  }

  #flush(object: Table | Chain | NftSet | NftMap): void {
    if (object.kind === 'table') {
      for (const entry of this.#table(object).chains.values()) this.#state.setRules(entry, []);
    } else if (object.kind === 'chain') {
      this.#state.setRules(this.#table(object.table).chains.get(object.name) ?? refuse(ENOENT), []);
    } else {
      const { elements } = this.#table(object.table).sets.get(object.name) ?? refuse(ENOENT);
      for (const name of elements.keys()) this.#state.remove(elements, name);
    }
  }

  #putRule(operation: Extract<Operation, { rule: Rule }>): void {
    const { rule, handle } = operation;
    const table = this.#table(rule.chain.table);
    const entry = table.chains.get(rule.chain.name) ?? refuse(ENOENT);
    const expressions = compileRule(rule.chain.table.family, rule.statements);
    if (!expressions.every((expression) => hasReferents(table, expression))) refuse(ENOENT);
    const at = handle === undefined ? undefined : entry.rules.findIndex((other) => other.handle === handle);
    if (at === -1) refuse(ENOENT);
    const added = { rule, expressions, handle: this.#state.nextHandle() };
    const isReplace = operation.do === 'replaceRule';
    const before = operation.do === 'insertRule' ? (at ?? 0) : at === undefined ? entry.rules.length : at + 1;
    this.#state.setRules(
      entry,
      entry.rules.toSpliced(isReplace ? (at ?? 0) : before, isReplace ? 1 : 0, added),
    );
  }

  #elements(operation: Extract<Operation, { elements: readonly Element[] }>): void {
    const table = this.#table(operation.set.table);
    const entry = table.sets.get(operation.set.name) ?? refuse(ENOENT);
    const { set, elements } = entry;
    for (const element of operation.elements) {
      const encoded = encodeKey(set, element.key);
      const name = Buffer.from(encoded.key).toString('hex') + Buffer.from(encoded.end ?? []).toString('hex');
      const old = elements.get(name);
      if (operation.do === 'deleteElements' || operation.do === 'destroyElements') {
        if (old !== undefined) this.#state.remove(elements, name);
        else if (operation.do === 'deleteElements') refuse(ENOENT);
        continue;
      }
      const data = encodeData(set, element.data);
      if ((set.kind === 'map') !== (data !== undefined)) refuse(EINVAL);
      if (element.timeoutMs !== undefined && set.timeouts !== true && set.timeoutMs === undefined)
        refuse(EINVAL);
      if (data?.verdict?.chain !== undefined && !table.chains.has(data.verdict.chain)) refuse(ENOENT);
      const dataName = JSON.stringify(data?.verdict) + Buffer.from(data?.value ?? []).toString('hex');
      if (old !== undefined && (operation.do === 'createElements' || old.data !== dataName)) refuse(EEXIST);
      if (old !== undefined) continue;
      if (set.interval === true && overlapsAny(set, encoded, elements.values())) refuse(EEXIST);
      if (set.size !== undefined && elements.size >= set.size) refuse(ENFILE);
      this.#state.put(elements, name, { element: listed(set, element), data: dataName, encoded });
    }
  }
}

function refuse(errno: number): never {
  throw new Refusal(errno);
}

/** An element as a listing shows it: values, in canonical form. */
function listed(set: NftSet | NftMap, element: Element): ListedElement {
  const { key: bytes, end } = encodeKey(set, element.key);
  const values = end === undefined ? decodeValues(set.key, bytes) : decodeRange(set.key, bytes, end);
  const timeoutMs = element.timeoutMs ?? set.timeoutMs;
  const expiry = timeoutMs === undefined ? {} : { timeoutMs, expiresMs: timeoutMs };
  const { data, comment } = element;
  const shown =
    data instanceof Uint8Array && set.kind === 'map' && set.data !== 'verdict'
      ? decodeValues(set.data, data)
      : data;
  return {
    key: values,
    ...(shown === undefined ? {} : { data: shown }),
    ...expiry,
    ...(comment === undefined ? {} : { comment }),
  };
}

/** The hook of a base chain cannot be changed. */
function sameHook(left: Chain, right: Chain): boolean {
  const place = ({ base }: Chain): unknown[] => [base?.type, base?.hook, base?.priority, base?.device];
  return place(left).every((value, i) => value === place(right)[i]);
}
