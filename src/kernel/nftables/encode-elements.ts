import { type NetlinkWriter, NLM_F_CREATE, NLM_F_EXCL } from '#wire/netlink.ts';
import { encodeFields } from '#wire/netlink-schema.ts';
import { ELEMENT, ELEMENT_FLAG, ELEMENT_LIST, LIST_ELEM, NFT_MSG } from '#wire/nftables.ts';
import { DATA, type Data } from '#wire/nftables-expression.ts';
import { COMMENT, encodeComment } from '#wire/nftables-userdata.ts';
import { encodeData, encodeKey, successor } from './element-codec.ts';
import type { BeginMessage } from './encode.ts';
import type { Element, NftMap, NftSet } from './objects.ts';
import type { Operation } from './transaction.ts';

/** A list attribute ends at 64 KiB; the largest element has some 300 bytes. */
export const MAX_LIST_BYTES = 60_000;

const DATA_VALUE = DATA.value[0];

type ElementsOperation = Extract<Operation, { elements: readonly Element[] }>;

const MESSAGES: Record<ElementsOperation['do'], [message: number, flags: number]> = {
  addElements: [NFT_MSG.NEWSETELEM, NLM_F_CREATE],
  createElements: [NFT_MSG.NEWSETELEM, NLM_F_CREATE | NLM_F_EXCL],
  deleteElements: [NFT_MSG.DELSETELEM, 0],
  destroyElements: [NFT_MSG.DESTROYSETELEM, 0],
};

/** Appends as many messages as the elements need. */
export function encodeElements(
  writer: NetlinkWriter,
  operation: ElementsOperation,
  begin: BeginMessage,
  maxListBytes: number,
): void {
  const { set, elements } = operation;
  const [message, flags] = MESSAGES[operation.do];
  for (let next = 0; next < elements.length; ) {
    const start = begin(message, flags, set.table.family);
    writer.attributeString(ELEMENT_LIST.table, set.table.name);
    writer.attributeString(ELEMENT_LIST.set, set.name);
    const list = writer.beginNested(ELEMENT_LIST.elements);
    for (; next < elements.length && writer.length - list < maxListBytes; next++) {
      encodeElement(writer, set, elements[next] as Element);
    }
    writer.end(list);
    writer.endMessage(start);
  }
}

/**
 * A range over a single value is two elements, its first and (as an end mark) the one behind its last; a
 * range over a concatenation is one element with two keys.
 */
function encodeElement(writer: NetlinkWriter, set: NftSet | NftMap, element: Element): void {
  const { key, end } = encodeKey(set, element.key);
  const isConcatenation = set.key.length > 1;
  const start = writer.beginNested(LIST_ELEM);
  encodeKeyBytes(writer, ELEMENT.key, key);
  if (end !== undefined && isConcatenation) encodeKeyBytes(writer, ELEMENT.keyEnd, end);
  const data = encodeData(set, element.data);
  if (data !== undefined) encodeElementData(writer, data);
  if (element.timeoutMs !== undefined) writer.attributeBe64(ELEMENT.timeout, BigInt(element.timeoutMs));
  if (element.comment !== undefined) {
    writer.attribute(ELEMENT.userdata, encodeComment(element.comment, COMMENT.element) as Uint8Array);
  }
  writer.end(start);
  const after = end === undefined || isConcatenation ? undefined : successor(end);
  if (after === undefined) return;
  const mark = writer.beginNested(LIST_ELEM);
  encodeKeyBytes(writer, ELEMENT.key, after);
  writer.attributeBe32(ELEMENT.flags, ELEMENT_FLAG.intervalEnd);
  writer.end(mark);
}

function encodeKeyBytes(writer: NetlinkWriter, type: number, key: Uint8Array): void {
  const start = writer.beginNested(type);
  writer.attribute(DATA_VALUE, key);
  writer.end(start);
}

function encodeElementData(writer: NetlinkWriter, data: Data): void {
  const start = writer.beginNested(ELEMENT.data);
  if (data.value === undefined) encodeFields(writer, DATA, data);
  else writer.attribute(DATA_VALUE, data.value);
  writer.end(start);
}
