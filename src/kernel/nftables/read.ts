import type { Attributes } from '#wire/netlink.ts';
import { decodeFields } from '#wire/netlink-schema.ts';
import {
  CHAIN,
  NFPROTO,
  NFT_DATA_VERDICT,
  NFT_OBJECT_COUNTER,
  NFT_TABLE_F_OWNER,
  OBJECT,
  RULE,
  SET,
  SET_FLAG,
  TABLE,
} from '#wire/nftables.ts';
import {
  type Data,
  decodeExpressions,
  type Expression,
  type UnknownExpression,
} from '#wire/nftables-expression.ts';
import { COMMENT, decodeComment } from '#wire/nftables-userdata.ts';
import type { ListedRule } from './client.ts';
import { DATA_TYPES, type DataType } from './data-types.ts';
import { hookName } from './encode.ts';
import type { Chain, ChainType, Family, NftMap, NftSet, Table } from './objects.ts';

const TYPE_BITS = 6;
const TYPE_MASK = (1 << TYPE_BITS) - 1;

/** Undefined for a table of a family that has no name here. */
export function readTable(attributes: Attributes, number: number): Table | undefined {
  const { name = '', flags = 0, userdata } = decodeFields(TABLE, attributes);
  const family = (Object.keys(NFPROTO) as Family[]).find((known) => NFPROTO[known] === number);
  if (family === undefined) return undefined;
  const comment = decodeComment(userdata, COMMENT.table);
  const owned = (flags & NFT_TABLE_F_OWNER) !== 0;
  return { kind: 'table', family, name, comment, ...(owned && { owned }) };
}

/** Undefined for a chain of another table, or one that is part of a rule. */
export function readChain(table: Table, attributes: Attributes): Chain | undefined {
  const { table: owner, name, hook, policy, type, userdata } = decodeFields(CHAIN, attributes);
  if (owner !== table.name || name === undefined || name.startsWith('__')) return undefined;
  const base = hook && {
    type: (type ?? 'filter') as ChainType,
    hook: hookName(table.family, hook.number ?? 0),
    priority: (hook.priority ?? 0) | 0,
    policy: policy === 0 ? ('drop' as const) : ('accept' as const),
    device: hook.device,
  };
  return { kind: 'chain', table, name, base, comment: decodeComment(userdata, COMMENT.chain) };
}

/** Undefined for one without a name, and for one whose types have no name here. */
export function readSet(table: Table, attributes: Attributes): NftSet | NftMap | undefined {
  const fields = decodeFields(SET, attributes);
  const flags = fields.flags ?? 0;
  const key = dataTypes(fields.keyType ?? 0);
  if (fields.table !== table.name || key === undefined || (flags & SET_FLAG.anonymous) !== 0)
    return undefined;
  const isTrue = (flag: number): true | undefined => ((flags & flag) === 0 ? undefined : true);
  const set = {
    table,
    name: fields.name ?? '',
    key,
    interval: isTrue(SET_FLAG.interval),
    dynamic: isTrue(SET_FLAG.dynamic),
    timeouts: isTrue(SET_FLAG.timeout),
    timeoutMs: fields.timeout === undefined ? undefined : Number(fields.timeout),
    size: fields.description?.size,
    comment: decodeComment(fields.userdata, COMMENT.set),
  };
  if (isTrue(SET_FLAG.map) === undefined) return { kind: 'set', ...set };
  const data = fields.dataType === NFT_DATA_VERDICT ? 'verdict' : dataTypes(fields.dataType ?? 0);
  return data && { kind: 'map', ...set, data };
}

/** Undefined for a rule of another table or chain. */
export function readRule(table: Table, attributes: Attributes, chain?: string): ListedRule | undefined {
  const fields = decodeFields(RULE, attributes);
  if (fields.table !== table.name || fields.chain === undefined) return undefined;
  if (chain !== undefined && fields.chain !== chain) return undefined;
  return {
    table,
    chain: fields.chain,
    handle: fields.handle ?? 0n,
    comment: decodeComment(fields.userdata, COMMENT.rule),
    expressions:
      fields.expressions === undefined ? [] : decodeExpressions(fields.expressions).map(expressionText),
  };
}

export function readCounter(
  table: Table,
  attributes: Attributes,
): [name: string, counts: { packets: bigint; bytes: bigint }] | undefined {
  const { table: owner, name = '', type, data } = decodeFields(OBJECT, attributes);
  if (owner !== table.name || type !== NFT_OBJECT_COUNTER) return undefined;
  return [name, { packets: data?.packets ?? 0n, bytes: data?.bytes ?? 0n }];
}

/** One line, such as `cmp sreg=8 op=0 data=06`; fields that say nothing (0) are left out. */
export function expressionText(expression: Expression | UnknownExpression): string {
  const { name, ...fields } = expression;
  const parts = Object.entries(fields as Record<string, unknown>)
    .filter(([, value]) => value !== undefined && value !== 0 && value !== 0n)
    .map(([field, value]) => `${field}=${fieldText(field, value)}`);
  return [name, ...parts].join(' ');
}

function fieldText(field: string, value: unknown): string {
  if (typeof value === 'object' && value !== null) {
    const { value: bytes, verdict } = value as Data;
    if (bytes !== undefined) return Buffer.from(bytes).toString('hex');
    return `${(verdict?.code ?? 0) | 0}${verdict?.chain === undefined ? '' : `:${verdict.chain}`}`;
  }
  const isRegister = /reg|^addr|^proto|^port$/.test(field);
  // The kernel tells registers 8, 12, 16 and 20 by their older numbers 1 to 4.
  if (isRegister && typeof value === 'number' && value >= 1 && value <= 4) return String(4 + value * 4);
  return String(value);
}

function dataTypes(number: number): DataType[] | undefined {
  const names = Object.keys(DATA_TYPES) as DataType[];
  const types: DataType[] = [];
  for (let rest = number; rest > 0; rest = Math.floor(rest / (TYPE_MASK + 1))) {
    const type = names.find((name) => DATA_TYPES[name].id === (rest & TYPE_MASK));
    if (type === undefined) return undefined;
    types.unshift(type);
  }
  return types.length === 0 ? undefined : types;
}
