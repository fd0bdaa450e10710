import { type Attributes, decodeAttributeList, decodeAttributes } from '#wire/netlink.ts';
import { decodeFields } from '#wire/netlink-schema.ts';
import { ELEMENT, ELEMENT_FLAG, ELEMENT_LIST } from '#wire/nftables.ts';
import { DATA, type Data } from '#wire/nftables-expression.ts';
import { COMMENT, decodeComment } from '#wire/nftables-userdata.ts';
import type { ListedElement } from './client.ts';
import { decodeRange, decodeValues, decodeVerdict, predecessor } from './element-codec.ts';
import type { Element, NftMap, NftSet } from './objects.ts';

/** An element as the kernel stores it: of a range over a single value, only one of its two ends. */
export interface RawElement {
  readonly key: Uint8Array;
  readonly end?: Uint8Array | undefined;
  readonly isEndMark: boolean;
  readonly rest: Omit<ListedElement, 'key'>;
}

/** Reads the elements of one message. */
export function readElements(set: NftSet | NftMap, attributes: Attributes): RawElement[] {
  const list = attributes.bytes(ELEMENT_LIST.elements);
  if (list === undefined) return [];
  return decodeAttributeList(list).flatMap(([, bytes]) => {
    const element = decodeAttributes(bytes);
    const key = dataOf(element, ELEMENT.key)?.value;
    if (key === undefined) return [];
    const flags = element.be32(ELEMENT.flags) ?? 0;
    return {
      key: key.slice(),
      end: dataOf(element, ELEMENT.keyEnd)?.value?.slice(),
      isEndMark: (flags & ELEMENT_FLAG.intervalEnd) !== 0,
      rest: readRest(set, element),
    };
  });
}

/** Without the elements that a listing during a change repeats. */
export function distinct(raw: readonly RawElement[]): RawElement[] {
  const byKey = new Map<string, RawElement>();
  for (const element of raw) {
    const key = Buffer.from(element.key.buffer, element.key.byteOffset, element.key.length).toString(
      'latin1',
    );
    byKey.set(element.isEndMark ? `${key}-` : key + (element.end ?? []).join(), element);
  }
  return [...byKey.values()];
}

/** Makes elements of what was read, joining the two ends of ranges. */
export function joinRanges(set: NftSet | NftMap, raw: readonly RawElement[]): ListedElement[] {
  if (set.interval !== true)
    return raw.map(({ key, rest }) => ({ key: decodeValues(set.key, key), ...rest }));
  if (set.key.length > 1) {
    return raw.map(({ key, end = key, rest }) => ({ key: decodeRange(set.key, key, end), ...rest }));
  }
  // Where one range ends and the next begins at once, the end mark comes first.
  const sorted = raw.toSorted(
    (a, b) => Buffer.compare(a.key, b.key) || Number(b.isEndMark) - Number(a.isEndMark),
  );
  const elements: ListedElement[] = [];
  for (const [i, { key, isEndMark, rest }] of sorted.entries()) {
    if (isEndMark) continue;
    const next = sorted[i + 1];
    const last = next === undefined ? key.map(() => 0xff) : predecessor(next.key);
    elements.push({ key: decodeRange(set.key, key, last), ...rest });
  }
  return elements;
}

function readRest(set: NftSet | NftMap, element: Attributes): Omit<ListedElement, 'key'> {
  const timeout = element.be64(ELEMENT.timeout);
  const expires = element.be64(ELEMENT.expiration);
  return {
    ...readData(set, element),
    ...(timeout === undefined ? {} : { timeoutMs: Number(timeout) }),
    ...(expires === undefined ? {} : { expiresMs: Number(expires) }),
    ...(element.has(ELEMENT.userdata)
      ? { comment: decodeComment(element.bytes(ELEMENT.userdata), COMMENT.element) }
      : {}),
  };
}

function readData(set: NftSet | NftMap, element: Attributes): { data?: Element['data'] } {
  const data = set.kind === 'map' ? dataOf(element, ELEMENT.data) : undefined;
  if (data === undefined || set.kind === 'set') return {};
  if (data.verdict !== undefined) return { data: decodeVerdict(data.verdict) };
  return set.data === 'verdict' || data.value === undefined
    ? {}
    : { data: decodeValues(set.data, data.value) };
}

function dataOf(element: Attributes, type: number): Data | undefined {
  const attributes = element.nested(type);
  return attributes && decodeFields(DATA, attributes);
}
