import { NetlinkWriter, NLM_F_APPEND, NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE } from '#wire/netlink.ts';
import { encodeFields } from '#wire/netlink-schema.ts';
import {
  CHAIN,
  ELEMENT_FILTER,
  LIST_ELEM,
  NFT_DATA_VERDICT,
  NFT_MSG,
  NFT_OBJECT_COUNTER,
  NFT_TABLE_F_OWNER,
  OBJECT,
  RULE,
  RULE_EXPRESSIONS,
  RULE_USERDATA,
  SET,
  SET_FIELD_LENGTH,
  SET_FLAG,
  TABLE,
} from '#wire/nftables.ts';
import { encodeExpressions } from '#wire/nftables-expression.ts';
import { COMMENT, encodeComment, encodeSetUserdata } from '#wire/nftables-userdata.ts';
import { compileRule } from './compile.ts';
import { DATA_TYPES, type DataType, NftablesValueError } from './data-types.ts';
import { lengthOf } from './element-codec.ts';
import { encodeElements, MAX_LIST_BYTES } from './encode-elements.ts';
import {
  type Chain,
  type Family,
  type Hook,
  type NftMap,
  type NftObject,
  type NftSet,
  objectName,
} from './objects.ts';
import type { Operation } from './transaction.ts';

const TYPE_BITS = 6;

const HOOKS: Record<Hook, number> = {
  prerouting: 0,
  input: 1,
  forward: 2,
  output: 3,
  postrouting: 4,
  ingress: 0,
  egress: 1,
};
const INET_INGRESS = 5;

const NEW = {
  table: NFT_MSG.NEWTABLE,
  chain: NFT_MSG.NEWCHAIN,
  set: NFT_MSG.NEWSET,
  map: NFT_MSG.NEWSET,
  counter: NFT_MSG.NEWOBJ,
};
const DELETE = {
  table: NFT_MSG.DELTABLE,
  chain: NFT_MSG.DELCHAIN,
  set: NFT_MSG.DELSET,
  map: NFT_MSG.DELSET,
  counter: NFT_MSG.DELOBJ,
};
const DESTROY = {
  table: NFT_MSG.DESTROYTABLE,
  chain: NFT_MSG.DESTROYCHAIN,
  set: NFT_MSG.DESTROYSET,
  map: NFT_MSG.DESTROYSET,
  counter: NFT_MSG.DESTROYOBJ,
};

/** Begins a message within a batch; each becomes one unit that is acknowledged, refused or split off. */
export type BeginMessage = (message: number, flags: number, family: Family) => number;

/** Appends the messages of one operation: one, or for many elements several. */
export function encodeOperation(
  writer: NetlinkWriter,
  operation: Operation,
  begin: BeginMessage,
  maxListBytes = MAX_LIST_BYTES,
): void {
  switch (operation.do) {
    case 'add':
    case 'create': {
      const { object } = operation;
      const exclusive = operation.do === 'create' ? NLM_F_EXCL : 0;
      const start = begin(NEW[object.kind], NLM_F_CREATE | exclusive, familyOf(object));
      encodeObject(writer, object);
      return writer.endMessage(start);
    }
    case 'delete':
    case 'destroy': {
      const { object } = operation;
      const numbers = operation.do === 'delete' ? DELETE : DESTROY;
      const start = begin(numbers[object.kind], 0, familyOf(object));
      encodeName(writer, object);
      return writer.endMessage(start);
    }
    case 'flush':
      return encodeFlush(writer, operation.object, begin);
    case 'addRule':
    case 'insertRule':
    case 'replaceRule':
      return encodeRule(writer, operation, begin);
    case 'deleteRule': {
      const { chain, handle } = operation;
      const start = begin(NFT_MSG.DELRULE, 0, chain.table.family);
      encodeFields(writer, RULE, { table: chain.table.name, chain: chain.name, handle });
      return writer.endMessage(start);
    }
    default:
      return encodeElements(writer, operation, begin, maxListBytes);
  }
}

/** The number of a set's key or data type: those of a concatenation side by side, six bits each. */
export function typeNumber(types: readonly DataType[]): number {
  return types.reduce((all, type) => all * (1 << TYPE_BITS) + DATA_TYPES[type].id, 0);
}

export function setFlags(set: NftSet | NftMap): number {
  const flags =
    (set.kind === 'map' ? SET_FLAG.map : 0) |
    (set.interval === true ? SET_FLAG.interval : 0) |
    (set.interval === true && set.key.length > 1 ? SET_FLAG.concat : 0) |
    (set.timeouts === true || set.timeoutMs !== undefined ? SET_FLAG.timeout : 0) |
    (set.dynamic === true ? SET_FLAG.dynamic : 0);
  return flags;
}

export function hookNumber(family: Family, hook: Hook): number {
  return hook === 'ingress' && family === 'inet' ? INET_INGRESS : HOOKS[hook];
}

export function hookName(family: Family, number: number): Hook {
  if (family === 'netdev') return number === 0 ? 'ingress' : 'egress';
  if (family === 'inet' && number === INET_INGRESS) return 'ingress';
  return (Object.keys(HOOKS) as Hook[]).find((name) => HOOKS[name] === number) ?? 'prerouting';
}

function familyOf(object: NftObject): Family {
  return object.kind === 'table' ? object.family : object.table.family;
}

function encodeObject(writer: NetlinkWriter, object: NftObject): void {
  switch (object.kind) {
    case 'table':
      return encodeFields(writer, TABLE, {
        name: object.name,
        flags: object.owned === true ? NFT_TABLE_F_OWNER : 0,
        userdata: encodeComment(object.comment, COMMENT.table),
      });
    case 'chain':
      return encodeChain(writer, object);
    case 'counter':
      return encodeFields(writer, OBJECT, {
        table: object.table.name,
        name: object.name,
        type: NFT_OBJECT_COUNTER,
        data: { bytes: 0n, packets: 0n },
        userdata: encodeComment(object.comment, COMMENT.object),
      });
    default:
      return encodeSet(writer, object);
  }
}

function encodeChain(writer: NetlinkWriter, { table, name, base, comment }: Chain): void {
  encodeFields(writer, CHAIN, {
    table: table.name,
    name,
    hook: base && {
      number: hookNumber(table.family, base.hook),
      priority: base.priority >>> 0,
      device: base.device,
    },
    policy: base && (base.policy === 'drop' ? 0 : 1),
    type: base?.type,
    userdata: encodeComment(comment, COMMENT.chain),
  });
}

function encodeSet(writer: NetlinkWriter, set: NftSet | NftMap): void {
  if (
    set.interval === true &&
    set.key.some((type) => DATA_TYPES[type].order === 'host' && DATA_TYPES[type].size > 1)
  ) {
    throw new NftablesValueError(
      `${objectName(set)}: ranges of ${set.key.join(' . ')} have no order in the kernel`,
    );
  }
  const data = set.kind === 'map' ? set.data : undefined;
  const isVerdict = data === 'verdict';
  const isRanges = set.interval === true && set.key.length > 1;
  const dataTypes = data === undefined || data === 'verdict' ? undefined : data;
  encodeFields(writer, SET, {
    table: set.table.name,
    name: set.name,
    flags: setFlags(set),
    keyType: typeNumber(set.key),
    keyLength: lengthOf(set.key),
    dataType: isVerdict ? NFT_DATA_VERDICT : dataTypes && typeNumber(dataTypes),
    dataLength: dataTypes && lengthOf(dataTypes),
    description:
      set.size === undefined && !isRanges
        ? undefined
        : { size: set.size, concat: isRanges ? fieldLengths(set.key) : undefined },
    // The kernel insists on a number by which the same batch could refer to the set.
    id: 1,
    timeout: set.timeoutMs === undefined ? undefined : BigInt(set.timeoutMs),
    userdata: encodeSetUserdata(orderOf(set.key), dataTypes && orderOf(dataTypes), set.comment),
  });
}

/** A list with the length of each part of a concatenation. */
function fieldLengths(types: readonly DataType[]): Uint8Array {
  const writer = new NetlinkWriter(64);
  for (const type of types) {
    writer.nested(LIST_ELEM, () => writer.attributeBe32(SET_FIELD_LENGTH, DATA_TYPES[type].size));
  }
  return writer.bytes();
}

function orderOf(types: readonly DataType[]): 'host' | 'network' {
  return types.length === 1 ? DATA_TYPES[types[0] ?? 'mark'].order : 'network';
}

function encodeName(writer: NetlinkWriter, object: NftObject): void {
  if (object.kind === 'table') return encodeFields(writer, TABLE, { name: object.name });
  const names = { table: object.table.name, name: object.name };
  if (object.kind === 'chain') return encodeFields(writer, CHAIN, names);
  if (object.kind === 'counter') return encodeFields(writer, OBJECT, { ...names, type: NFT_OBJECT_COUNTER });
  return encodeFields(writer, SET, names);
}

function encodeFlush(writer: NetlinkWriter, object: NftObject, begin: BeginMessage): void {
  const isSet = object.kind === 'set' || object.kind === 'map';
  const start = begin(isSet ? NFT_MSG.DELSETELEM : NFT_MSG.DELRULE, 0, familyOf(object));
  if (object.kind === 'table') encodeFields(writer, RULE, { table: object.name });
  else if (object.kind === 'chain')
    encodeFields(writer, RULE, { table: object.table.name, chain: object.name });
  else encodeFields(writer, ELEMENT_FILTER, { table: object.table.name, set: object.name });
  writer.endMessage(start);
}

function encodeRule(
  writer: NetlinkWriter,
  operation: Extract<Operation, { do: 'addRule' | 'insertRule' | 'replaceRule' }>,
  begin: BeginMessage,
): void {
  const { chain, statements, comment } = operation.rule;
  const flags = {
    addRule: NLM_F_CREATE | NLM_F_APPEND,
    insertRule: NLM_F_CREATE,
    replaceRule: NLM_F_REPLACE,
  };
  const start = begin(NFT_MSG.NEWRULE, flags[operation.do], chain.table.family);
  const isReplace = operation.do === 'replaceRule';
  encodeFields(writer, RULE, {
    table: chain.table.name,
    chain: chain.name,
    handle: isReplace ? operation.handle : undefined,
    position: isReplace ? undefined : operation.handle,
  });
  const expressions = compileRule(chain.table.family, statements);
  writer.nested(RULE_EXPRESSIONS, () => encodeExpressions(writer, expressions));
  const userdata = encodeComment(comment, COMMENT.rule);
  if (userdata !== undefined) writer.attribute(RULE_USERDATA, userdata);
  writer.endMessage(start);
}
