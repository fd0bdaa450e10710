import type { DataType, Value } from './data-types.ts';
import { decodeValues } from './element-codec.ts';
import type { Chain, Element, NftMap, NftObject, NftSet, Rule, Verdict } from './objects.ts';
import { printDuration, printStatement, printValue, printVerdict } from './print-statement.ts';
import type { Operation, Transaction } from './transaction.ts';

/** A transaction as a file for `nft -f`, one line per operation: for people, dry runs and golden tests. */
export function printTransaction(transaction: Transaction): string {
  return transaction.operations.map((operation) => `${printOperation(operation)}\n`).join('');
}

export function printOperation(operation: Operation): string {
  switch (operation.do) {
    case 'add':
    case 'create':
      return `${operation.do} ${printObject(operation.object)}`;
    case 'delete':
    case 'destroy':
    case 'flush':
      return `${operation.do} ${printName(operation.object)}`;
    case 'addRule':
    case 'insertRule': {
      const { rule, handle } = operation;
      const place = handle === undefined ? '' : ` handle ${handle}`;
      return `${operation.do.replace('Rule', '')} rule ${placeOf(rule.chain)}${place} ${printRule(rule)}`;
    }
    case 'replaceRule':
      return `replace rule ${placeOf(operation.rule.chain)} handle ${operation.handle} ${printRule(operation.rule)}`;
    case 'deleteRule':
      return `delete rule ${placeOf(operation.chain)} handle ${operation.handle}`;
    default: {
      const { set, elements } = operation;
      const list = elements.map((element) => printElement(set, element)).join(', ');
      return `${operation.do.replace('Elements', '')} element ${placeOf(set)} { ${list} }`;
    }
  }
}

/** The statements and the comment, without the chain. */
export function printRule({ statements, comment }: Pick<Rule, 'statements' | 'comment'>): string {
  const parts = statements.map(printStatement);
  if (comment !== undefined) parts.push(`comment ${quote(comment)}`);
  return parts.join(' ');
}

/** `10.96.0.1 . tcp . 443 timeout 3s : goto lb-3`. */
export function printElement(set: NftSet | NftMap, { key, data, timeoutMs, comment }: Element): string {
  const parts = [printValues(set.key, key)];
  if (timeoutMs !== undefined) parts.push(`timeout ${printDuration(timeoutMs)}`);
  if (comment !== undefined) parts.push(`comment ${quote(comment)}`);
  if (data !== undefined) parts.push(`: ${printData(set, data)}`);
  return parts.join(' ');
}

function printData(set: NftSet | NftMap, data: NonNullable<Element['data']>): string {
  if (set.kind === 'map' && set.data !== 'verdict')
    return printValues(set.data, data as readonly Value[] | Uint8Array);
  return printVerdict(data as Verdict);
}

function printValues(types: readonly DataType[], values: readonly Value[] | Uint8Array): string {
  const list = values instanceof Uint8Array ? decodeValues(types, values) : values;
  return list.map((value, i) => printValue(types[i], value)).join(' . ');
}

function printName(object: NftObject): string {
  if (object.kind === 'table') return `table ${object.family} ${object.name}`;
  return `${object.kind} ${placeOf(object)}`;
}

function printObject(object: NftObject): string {
  const properties = propertiesOf(object);
  if (object.comment !== undefined) properties.push(`comment ${quote(object.comment)}`);
  return properties.length === 0 ? printName(object) : `${printName(object)} { ${properties.join('; ')}; }`;
}

function propertiesOf(object: NftObject): string[] {
  switch (object.kind) {
    case 'table':
      return object.owned === true ? ['flags owner'] : [];
    case 'chain':
      return printBase(object);
    case 'set':
    case 'map':
      return printSet(object);
    default:
      return [];
  }
}

function printBase({ base }: Chain): string[] {
  if (base === undefined) return [];
  const { type, hook, priority, device, policy = 'accept' } = base;
  const place = device === undefined ? '' : ` device "${device}"`;
  return [`type ${type} hook ${hook}${place} priority ${priority}`, `policy ${policy}`];
}

function printSet(set: NftSet | NftMap): string[] {
  const data = set.kind === 'set' ? '' : ` : ${set.data === 'verdict' ? 'verdict' : set.data.join(' . ')}`;
  const flags = [
    set.interval === true && 'interval',
    set.dynamic === true && 'dynamic',
    (set.timeouts === true || set.timeoutMs !== undefined) && 'timeout',
  ].filter((flag) => flag !== false);
  const properties = [`type ${set.key.join(' . ')}${data}`];
  if (flags.length > 0) properties.push(`flags ${flags.join(',')}`);
  if (set.timeoutMs !== undefined) properties.push(`timeout ${printDuration(set.timeoutMs)}`);
  if (set.size !== undefined) properties.push(`size ${set.size}`);
  return properties;
}

function placeOf(object: Exclude<NftObject, { kind: 'table' }>): string {
  return `${object.table.family} ${object.table.name} ${object.name}`;
}

/** nft has no escapes within quotes. */
function quote(text: string): string {
  return `"${text.replaceAll('"', "'")}"`;
}
