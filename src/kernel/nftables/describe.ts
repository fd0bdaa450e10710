import { decodeAttributeList, decodeAttributes } from '#wire/netlink.ts';
import { ELEMENT, ELEMENT_LIST } from '#wire/nftables.ts';
import { DATA } from '#wire/nftables-expression.ts';
import { decodeValues } from './element-codec.ts';
import { type NftMap, type NftSet, objectName } from './objects.ts';
import type { Operation } from './transaction.ts';

/** An nf_tables message without its netlink header starts with 4 bytes of `struct nfgenmsg`. */
const NFGENMSG_SIZE = 4;
const NETLINK_HEADER_SIZE = 16;

/** An operation in a few words, for errors: `delete chain inet portolan services`. */
export function describeOperation(operation: Operation): string {
  switch (operation.do) {
    case 'add':
    case 'create':
    case 'delete':
    case 'destroy':
    case 'flush':
      return `${operation.do} ${objectName(operation.object)}`;
    case 'addRule':
    case 'insertRule':
    case 'replaceRule': {
      const { chain, comment } = operation.rule;
      const verb = operation.do.replace('Rule', '');
      return `${verb} rule in ${objectName(chain)}${comment === undefined ? '' : ` (${comment})`}`;
    }
    case 'deleteRule':
      return `delete rule ${operation.handle} of ${objectName(operation.chain)}`;
    default: {
      const count = operation.elements.length;
      const verb = operation.do.replace('Elements', '');
      return `${verb} ${count} element${count === 1 ? '' : 's'} of ${objectName(operation.set)}`;
    }
  }
}

/**
 * As `describeOperation()`, naming the one element the kernel objected to. `message` is the refused
 * message and `offset` where in it, counted from its netlink header, the error was found.
 */
export function describeRefusal(
  operation: Operation,
  message: Uint8Array,
  offset: number | undefined,
): string {
  if (!('elements' in operation) || offset === undefined) return describeOperation(operation);
  const key = keyAt(operation.set, message, offset);
  if (key === undefined) return describeOperation(operation);
  return `${operation.do.replace('Elements', '')} element ${key} of ${objectName(operation.set)}`;
}

function keyAt(set: NftSet | NftMap, message: Uint8Array, offset: number): string | undefined {
  const body = message.subarray(NETLINK_HEADER_SIZE + NFGENMSG_SIZE);
  const elements = decodeAttributes(body).bytes(ELEMENT_LIST.elements);
  if (elements === undefined) return undefined;
  // The list is the message's last attribute and a view of it, so offsets compare directly.
  const at = offset - (elements.byteOffset - message.byteOffset);
  for (const [, element] of decodeAttributeList(elements)) {
    const start = element.byteOffset - elements.byteOffset - 4;
    if (at < start || at >= start + 4 + element.length) continue;
    const key = decodeAttributes(element).nested(ELEMENT.key)?.bytes(DATA.value[0]);
    return key === undefined ? undefined : decodeValues(set.key, key).join(' . ');
  }
  return undefined;
}
