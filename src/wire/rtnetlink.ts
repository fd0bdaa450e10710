import {
  type NetlinkMessage,
  type NetlinkWriter,
  NLM_F_CREATE,
  NLM_F_DUMP,
  NLM_F_EXCL,
  NLM_F_REPLACE,
  NLM_F_REQUEST,
} from './netlink.ts';
import { decodeAddress, encodeAddress, encodeAddressHeader } from './rtnetlink-address.ts';
import {
  decodeLink,
  encodeCreateLink,
  encodeCreateVeth,
  encodeLinkHeader,
  encodeName,
  encodeSetLink,
} from './rtnetlink-link.ts';
import { decodeNeighbour, encodeNeighbour, encodeNeighbourHeader } from './rtnetlink-neighbour.ts';
import { decodeRoute, encodeRoute, encodeRouteHeader } from './rtnetlink-route.ts';
import { decodeRule, encodeRule, encodeRuleHeader } from './rtnetlink-rule.ts';
import type { LinkRef, RtnetlinkRequest } from './rtnetlink-types.ts';

/** One kind of object: its message numbers, how a dump of it is asked for and how one is read. */
const OBJECTS = {
  link: { new: 16, delete: 17, get: 18, header: encodeLinkDump, decode: decodeLink },
  address: { new: 20, delete: 21, get: 22, header: encodeAddressHeader, decode: decodeAddress },
  route: { new: 24, delete: 25, get: 26, header: encodeRouteHeader, decode: decodeRoute },
  neighbour: { new: 28, delete: 29, get: 30, header: encodeNeighbourHeader, decode: decodeNeighbour },
  rule: { new: 32, delete: 33, get: 34, header: encodeRuleHeader, decode: decodeRule },
} as const;

type ObjectKind = keyof typeof OBJECTS;
type Decoded<K extends ObjectKind> = NonNullable<ReturnType<(typeof OBJECTS)[K]['decode']>>;

const ADD = NLM_F_CREATE | NLM_F_EXCL;
const REPLACE = NLM_F_CREATE | NLM_F_REPLACE;

/** Message number and flags of each request. */
const MESSAGES: Record<RtnetlinkRequest['do'], [type: number, flags: number]> = {
  createVeth: [OBJECTS.link.new, ADD],
  createLink: [OBJECTS.link.new, ADD],
  setLink: [OBJECTS.link.new, 0],
  deleteLink: [OBJECTS.link.delete, 0],
  addAddress: [OBJECTS.address.new, ADD],
  replaceAddress: [OBJECTS.address.new, REPLACE],
  deleteAddress: [OBJECTS.address.delete, 0],
  addRoute: [OBJECTS.route.new, ADD],
  replaceRoute: [OBJECTS.route.new, REPLACE],
  deleteRoute: [OBJECTS.route.delete, 0],
  addRule: [OBJECTS.rule.new, ADD],
  deleteRule: [OBJECTS.rule.delete, 0],
  addNeighbour: [OBJECTS.neighbour.new, ADD],
  replaceNeighbour: [OBJECTS.neighbour.new, REPLACE],
  deleteNeighbour: [OBJECTS.neighbour.delete, 0],
};

/**
 * Appends the message of one change and returns where it starts. `indexOf` gives the interface index of
 * a link that is referred to by name.
 */
export function encodeRequest(
  writer: NetlinkWriter,
  request: RtnetlinkRequest,
  sequence: number,
  indexOf: (link: LinkRef) => number,
): number {
  const [type, flags] = MESSAGES[request.do];
  const start = writer.beginMessage(type, NLM_F_REQUEST | flags, sequence);
  encodeBody(writer, request, indexOf);
  writer.endMessage(start);
  return start;
}

/** The request for all objects of a kind, of one family or of both. */
export function encodeDump(writer: NetlinkWriter, kind: ObjectKind, sequence: number, family?: 4 | 6): void {
  const { get, header } = OBJECTS[kind];
  const start = writer.beginMessage(get, NLM_F_REQUEST | NLM_F_DUMP, sequence);
  header(writer, family);
  writer.endMessage(start);
}

/** The request for one link. */
export function encodeGetLink(writer: NetlinkWriter, link: LinkRef, sequence: number): void {
  const start = writer.beginMessage(OBJECTS.link.get, NLM_F_REQUEST, sequence);
  encodeLinkHeader(writer, typeof link === 'number' ? link : 0);
  if (typeof link === 'string') encodeName(writer, link);
  writer.endMessage(start);
}

/** Reads one object of a dump; undefined for a message of another kind or an address family that is not IP. */
export function decodeObject<K extends ObjectKind>(kind: K, message: NetlinkMessage): Decoded<K> | undefined {
  const object = OBJECTS[kind];
  return message.type === object.new ? (object.decode(message.payload) as Decoded<K> | undefined) : undefined;
}

function encodeLinkDump(writer: NetlinkWriter): void {
  encodeLinkHeader(writer);
}

function encodeBody(
  writer: NetlinkWriter,
  request: RtnetlinkRequest,
  indexOf: (link: LinkRef) => number,
): void {
  switch (request.do) {
    case 'createVeth':
      return encodeCreateVeth(writer, request);
    case 'createLink':
      return encodeCreateLink(writer, request);
    case 'setLink': {
      const { master } = request;
      const masterIndex = master === null ? 0 : master === undefined ? undefined : indexOf(master);
      return encodeSetLink(writer, request, indexOf(request.link), masterIndex);
    }
    case 'deleteLink':
      return encodeLinkHeader(writer, indexOf(request.link));
    case 'addAddress':
    case 'replaceAddress':
    case 'deleteAddress':
      return encodeAddress(writer, request, indexOf(request.link));
    case 'addRoute':
    case 'replaceRoute':
    case 'deleteRoute':
      return encodeRoute(writer, request, indexOf);
    case 'addRule':
    case 'deleteRule':
      return encodeRule(writer, request);
    case 'addNeighbour':
    case 'replaceNeighbour':
    case 'deleteNeighbour':
      return encodeNeighbour(writer, request, indexOf(request.link));
  }
}
