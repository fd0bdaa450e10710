import { bytesToBigInt, bytesToIp, Cidr } from '#lib/ip.ts';
import { type Data, NF_ACCEPT, NF_DROP, NFT_GOTO, NFT_JUMP, NFT_RETURN } from '#wire/nftables-expression.ts';
import { verdictData } from './compile.ts';
import {
  DATA_TYPES,
  type DataType,
  decodeValue,
  encodeValue,
  NftablesValueError,
  type Value,
} from './data-types.ts';
import type { Element, ElementKey, NftMap, NftSet, Verdict } from './objects.ts';
import { boundsOf } from './ranges.ts';

/** An element's key as the kernel wants it; `end` is the last key of a range. */
export interface EncodedKey {
  readonly key: Uint8Array;
  readonly end?: Uint8Array | undefined;
}

/** Bytes of a key or of data with these types: alone as it is, in a concatenation padded to 4 bytes. */
export function lengthOf(types: readonly DataType[]): number {
  if (types.length === 1) return DATA_TYPES[types[0] ?? 'mark'].size;
  return types.reduce((sum, type) => sum + paddedSize(type), 0);
}

export function encodeKey(set: NftSet | NftMap, key: ElementKey): EncodedKey {
  if (key instanceof Uint8Array) return { key: checkLength(set, set.key, key) };
  if (set.interval !== true) return { key: encodeValues(set, set.key, key) };
  const bounds = key.map((value, i) => boundsOf(set.key[i] ?? 'mark', value));
  const from = encodeValues(
    set,
    set.key,
    bounds.map(([first]) => first),
  );
  return {
    key: from,
    end: encodeValues(
      set,
      set.key,
      bounds.map(([, last]) => last),
    ),
  };
}

/** Undefined for an element of a set. */
export function encodeData(set: NftSet | NftMap, data: Element['data']): Data | undefined {
  if (data === undefined) return undefined;
  if (set.kind === 'set') throw new NftablesValueError(`set ${set.name} takes no data, only maps do`);
  if (set.data === 'verdict') {
    if (data instanceof Uint8Array || isValues(data)) {
      throw new NftablesValueError(`map ${set.name} takes verdicts, not ${JSON.stringify(data)}`);
    }
    return verdictData(data);
  }
  if (data instanceof Uint8Array) return { value: checkLength(set, set.data, data) };
  if (!isValues(data)) throw new NftablesValueError(`map ${set.name} takes values, not a verdict`);
  return { value: encodeValues(set, set.data, data) };
}

/** One value per type. */
export function decodeValues(types: readonly DataType[], bytes: Uint8Array): Value[] {
  if (types.length === 1) return [decodeValue(types[0] ?? 'mark', bytes)];
  let offset = 0;
  return types.map((type) => {
    const value = decodeValue(type, bytes.subarray(offset, offset + DATA_TYPES[type].size));
    offset += paddedSize(type);
    return value;
  });
}

/** A range as text where it is one: `10.0.0.0/8` or `80-90`. */
export function decodeRange(types: readonly DataType[], from: Uint8Array, to: Uint8Array): Value[] {
  let offset = 0;
  return types.map((type) => {
    const { size } = DATA_TYPES[type];
    const first = from.subarray(offset, offset + size);
    const last = to.subarray(offset, offset + size);
    offset += paddedSize(type);
    return rangeText(type, first, last);
  });
}

export function decodeVerdict({
  code,
  chain = '',
}: {
  code?: number | undefined;
  chain?: string | undefined;
}): Verdict {
  switch (code) {
    case NF_DROP:
      return 'drop';
    case NF_ACCEPT:
      return 'accept';
    case NFT_RETURN:
      return 'return';
    case NFT_JUMP:
      return { jump: chain };
    case NFT_GOTO:
      return { goto: chain };
    default:
      return 'continue';
  }
}

/** The key after the last of a range, which closes it in the kernel; undefined when there is none. */
export function successor(bytes: Uint8Array): Uint8Array | undefined {
  const next = bytes.slice();
  for (let i = next.length - 1; i >= 0; i--) {
    const byte = next[i] ?? 0;
    next[i] = (byte + 1) & 0xff;
    if (byte !== 0xff) return next;
  }
  return undefined;
}

export function predecessor(bytes: Uint8Array): Uint8Array {
  const previous = bytes.slice();
  for (let i = previous.length - 1; i >= 0; i--) {
    const byte = previous[i] ?? 0;
    previous[i] = (byte - 1) & 0xff;
    if (byte !== 0) break;
  }
  return previous;
}

function encodeValues(
  set: NftSet | NftMap,
  types: readonly DataType[],
  values: readonly Value[],
): Uint8Array {
  if (values.length !== types.length) {
    throw new NftablesValueError(
      `${set.kind} ${set.name} wants ${types.join(' . ')}, not ${values.join(' . ')}`,
    );
  }
  if (types.length === 1) return encodeValue(types[0] ?? 'mark', values[0] ?? '');
  const bytes = new Uint8Array(lengthOf(types));
  let offset = 0;
  for (const [i, type] of types.entries()) {
    bytes.set(encodeValue(type, values[i] ?? ''), offset);
    offset += paddedSize(type);
  }
  return bytes;
}

function rangeText(type: DataType, from: Uint8Array, to: Uint8Array): Value {
  const first = decodeValue(type, from);
  const last = decodeValue(type, to);
  if (first === last) return first;
  if (type !== 'ipv4_addr' && type !== 'ipv6_addr') return `${first}-${last}`;
  const count = bytesToBigInt(to) - bytesToBigInt(from) + 1n;
  const hostBits = count.toString(2).length - 1;
  const prefixLength = from.length * 8 - hostBits;
  if (count === 1n << BigInt(hostBits) && prefixLength >= 0) {
    const cidr = new Cidr(bytesToIp(from), prefixLength);
    if (cidr.network === first) return cidr.format();
  }
  return `${first}-${last}`;
}

function checkLength(set: NftSet | NftMap, types: readonly DataType[], bytes: Uint8Array): Uint8Array {
  const length = lengthOf(types);
  if (bytes.length === length) return bytes;
  throw new NftablesValueError(
    `${set.kind} ${set.name} wants ${length} bytes for ${types.join(' . ')}, not ${bytes.length}`,
  );
}

function isValues(data: readonly Value[] | Verdict): data is readonly Value[] {
  return Array.isArray(data);
}

function paddedSize(type: DataType): number {
  return (DATA_TYPES[type].size + 3) & ~3;
}
