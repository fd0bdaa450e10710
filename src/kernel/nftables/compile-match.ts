import { Cidr, ipToBytes } from '#lib/ip.ts';
import { CMP, RANGE } from '#wire/nftables-expression.ts';
import { type Loader, reg } from './compile-load.ts';
import {
  DATA_TYPES,
  type DataType,
  encodeNumber,
  encodeValue,
  NftablesValueError,
  toNumber,
  type Value,
} from './data-types.ts';
import { splitRange } from './ranges.ts';
import { selectorTypes } from './selectors.ts';
import type { BitsStatement, MatchStatement } from './statements.ts';

const BYTEORDER_HTON = 1;

export function compileMatch(loader: Loader, statement: MatchStatement): void {
  const { selector, operator, value, mask } = statement;
  const type = onlyType(statement);
  const isEquality = operator === '==' || operator === '!=';
  loader.load(selector);
  if (mask !== undefined) pushMask(loader, encodeNumber(type, mask), new Uint8Array(DATA_TYPES[type].size));
  const range = isEquality ? splitRange(type, value) : undefined;
  if (range !== undefined) {
    loader.expressions.push({
      name: 'range',
      sreg: reg(0),
      op: RANGE[operator === '!=' ? '!=' : '=='],
      from: { value: encodeValue(type, range[0]) },
      to: { value: encodeValue(type, range[1]) },
    });
    return;
  }
  const bytes = isEquality ? comparedBytes(loader, type, value) : orderedBytes(loader, type, value);
  loader.expressions.push({ name: 'cmp', sreg: reg(0), op: CMP[operator], data: { value: bytes } });
  if (operator === '==' && mask === undefined) learn(loader, statement);
}

/** Any of the named bits: (field & bits) != 0. */
export function compileBits(loader: Loader, statement: BitsStatement): void {
  const type = onlyType(statement);
  loader.load(statement.selector);
  const bits = statement.bits.reduce<number>((all, bit) => all | toNumber(type, bit), 0);
  const zero = new Uint8Array(DATA_TYPES[type].size);
  pushMask(loader, encodeNumber(type, bits), zero);
  loader.expressions.push({
    name: 'cmp',
    sreg: reg(0),
    op: CMP[statement.not === true ? '==' : '!='],
    data: { value: zero },
  });
}

/** (register & mask) ^ xor, in place. */
export function pushMask(loader: Loader, mask: Uint8Array, xor: Uint8Array): void {
  loader.expressions.push({
    name: 'bitwise',
    sreg: reg(0),
    dreg: reg(0),
    len: mask.length,
    mask: { value: mask },
    xor: { value: xor },
  });
}

/** What the register has to equal; masks it first when the value is a network. */
function comparedBytes(loader: Loader, type: DataType, value: Value): Uint8Array {
  if ((type === 'ipv4_addr' || type === 'ipv6_addr') && typeof value === 'string' && value.includes('/')) {
    const cidr = Cidr.parse(value);
    if (cidr === undefined || ipToBytes(cidr.network).length !== DATA_TYPES[type].size) {
      throw new NftablesValueError(`${JSON.stringify(value)} is no ${type} network`);
    }
    pushMask(loader, ipToBytes(cidr.netmask), new Uint8Array(DATA_TYPES[type].size));
    return ipToBytes(cidr.network);
  }
  if (type === 'ifname' && typeof value === 'string' && value.endsWith('*')) {
    return new TextEncoder().encode(value.slice(0, -1));
  }
  return encodeValue(type, value);
}

/** The kernel compares bytes from the left, so a number in the machine's order is turned around first. */
function orderedBytes(loader: Loader, type: DataType, value: Value): Uint8Array {
  const { order, size } = DATA_TYPES[type];
  const bytes = encodeValue(type, value);
  if (order === 'network' || size === 1) return bytes;
  loader.expressions.push({
    name: 'byteorder',
    sreg: reg(0),
    dreg: reg(0),
    op: BYTEORDER_HTON,
    len: size,
    size,
  });
  return bytes.toReversed();
}

function onlyType(statement: MatchStatement | BitsStatement): DataType {
  const [type, ...others] = selectorTypes(statement.selector);
  if (type === undefined || others.length > 0)
    throw new NftablesValueError('a match compares exactly one value');
  return type;
}

/** A match on the protocol makes the one that a header field would add superfluous. */
function learn(loader: Loader, { selector, value }: MatchStatement): void {
  if (selector.kind === 'meta' && selector.key === 'nfproto') loader.learn('network', String(value));
  const isTransport =
    (selector.kind === 'meta' && selector.key === 'l4proto') ||
    (selector.kind === 'payload' && (selector.text === 'ip protocol' || selector.text === 'ip6 nexthdr'));
  if (isTransport) loader.learn('transport', String(value));
}
