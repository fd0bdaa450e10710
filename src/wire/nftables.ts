import { Attributes, decodeAttributes, type NetlinkMessage, type NetlinkWriter } from './netlink.ts';
import type { Schema } from './netlink-schema.ts';

const NFNL_SUBSYS_NFTABLES = 10;
const NFNL_MSG_BATCH_BEGIN = 0x10;
const NFNL_MSG_BATCH_END = 0x11;
const NFNL_BATCH_GENID = 1;
const HEADER_SIZE = 4;

/** Message numbers within the nf_tables subsystem. */
export const NFT_MSG = {
  NEWTABLE: 0,
  GETTABLE: 1,
  DELTABLE: 2,
  NEWCHAIN: 3,
  GETCHAIN: 4,
  DELCHAIN: 5,
  NEWRULE: 6,
  GETRULE: 7,
  DELRULE: 8,
  NEWSET: 9,
  GETSET: 10,
  DELSET: 11,
  NEWSETELEM: 12,
  GETSETELEM: 13,
  DELSETELEM: 14,
  NEWGEN: 15,
  GETGEN: 16,
  NEWOBJ: 18,
  GETOBJ: 19,
  DELOBJ: 20,
  DESTROYTABLE: 26,
  DESTROYCHAIN: 27,
  DESTROYRULE: 28,
  DESTROYSET: 29,
  DESTROYSETELEM: 30,
  DESTROYOBJ: 31,
} as const;

/** Protocol families (`NFPROTO_…`). */
export const NFPROTO = { inet: 1, ip: 2, arp: 3, netdev: 5, bridge: 7, ip6: 10 } as const;

export const SET_FLAG = {
  anonymous: 1,
  constant: 2,
  interval: 4,
  map: 8,
  timeout: 16,
  dynamic: 32,
  object: 64,
  concat: 128,
} as const;
export const ELEMENT_FLAG = { intervalEnd: 1, catchall: 2 } as const;
/** Data type of a verdict map. */
export const NFT_DATA_VERDICT = 0xffffff00;
export const NFT_OBJECT_COUNTER = 1;
export const NFT_TABLE_F_OWNER = 2;

export const TABLE = {
  name: [1, 'string'],
  flags: [2, 'be32'],
  use: [3, 'be32'],
  handle: [4, 'be64'],
  userdata: [6, 'bytes'],
} as const satisfies Schema;

export const CHAIN = {
  table: [1, 'string'],
  handle: [2, 'be64'],
  name: [3, 'string'],
  hook: [4, { number: [1, 'be32'], priority: [2, 'be32'], device: [3, 'string'], devices: [4, 'bytes'] }],
  policy: [5, 'be32'],
  use: [6, 'be32'],
  type: [7, 'string'],
  flags: [10, 'be32'],
  userdata: [12, 'bytes'],
} as const satisfies Schema;

export const RULE = {
  table: [1, 'string'],
  chain: [2, 'string'],
  handle: [3, 'be64'],
  expressions: [4, 'bytes'],
  position: [6, 'be64'],
  userdata: [7, 'bytes'],
} as const satisfies Schema;

export const RULE_EXPRESSIONS = 4;
export const RULE_USERDATA = 7;

export const SET = {
  table: [1, 'string'],
  name: [2, 'string'],
  flags: [3, 'be32'],
  keyType: [4, 'be32'],
  keyLength: [5, 'be32'],
  dataType: [6, 'be32'],
  dataLength: [7, 'be32'],
  policy: [8, 'be32'],
  description: [9, { size: [1, 'be32'], concat: [2, 'bytes'] }],
  id: [10, 'be32'],
  timeout: [11, 'be64'],
  userdata: [13, 'bytes'],
  /** Of elements; Linux 6.16. */
  count: [20, 'be32'],
} as const satisfies Schema;

export const SET_FIELD_LENGTH = 1;

/** Attributes of an element list message and of the elements in it. */
export const ELEMENT_LIST = { table: 1, set: 2, elements: 3 } as const;
/** Which set's elements are asked for. */
export const ELEMENT_FILTER = { table: [1, 'string'], set: [2, 'string'] } as const satisfies Schema;
export const LIST_ELEM = 1;
export const ELEMENT = {
  key: 1,
  data: 2,
  flags: 3,
  timeout: 4,
  expiration: 5,
  userdata: 6,
  keyEnd: 10,
} as const;

export const OBJECT = {
  table: [1, 'string'],
  name: [2, 'string'],
  type: [3, 'be32'],
  data: [4, { bytes: [1, 'be64'], packets: [2, 'be64'] }],
  handle: [6, 'be64'],
  userdata: [8, 'bytes'],
} as const satisfies Schema;

export const GENERATION = { id: [1, 'be32'] } as const satisfies Schema;

/** Begins an nf_tables message (with its `struct nfgenmsg`) and returns what `endMessage()` wants. */
export function beginNftMessage(
  writer: NetlinkWriter,
  message: number,
  flags: number,
  sequence: number,
  family: number,
): number {
  const start = writer.beginMessage((NFNL_SUBSYS_NFTABLES << 8) | message, flags, sequence);
  writer.u8(family);
  writer.u8(0);
  writer.be16(0);
  return start;
}

/** Opens a transaction; with a generation it fails (ERESTART) when that is not the current one. */
export function encodeBatchBegin(
  writer: NetlinkWriter,
  flags: number,
  sequence: number,
  generation?: number,
): void {
  encodeBatchMark(writer, NFNL_MSG_BATCH_BEGIN, flags, sequence, generation);
}

export function encodeBatchEnd(writer: NetlinkWriter, flags: number, sequence: number): void {
  encodeBatchMark(writer, NFNL_MSG_BATCH_END, flags, sequence);
}

/** The nf_tables message number; undefined for messages of other subsystems. */
export function nftMessageType(message: NetlinkMessage): number | undefined {
  return message.type >> 8 === NFNL_SUBSYS_NFTABLES ? message.type & 0xff : undefined;
}

/** The protocol family and the attributes of an nf_tables message. */
export function decodeNftMessage(message: NetlinkMessage): { family: number; attributes: Attributes } {
  if (message.payload.length < HEADER_SIZE) return { family: 0, attributes: new Attributes(new Map()) };
  return { family: message.payload[0] ?? 0, attributes: decodeAttributes(message.payload, HEADER_SIZE) };
}

function encodeBatchMark(
  writer: NetlinkWriter,
  type: number,
  flags: number,
  sequence: number,
  generation?: number,
): void {
  const start = writer.beginMessage(type, flags, sequence);
  writer.u8(0);
  writer.u8(0);
  writer.be16(NFNL_SUBSYS_NFTABLES);
  if (generation !== undefined) writer.attributeBe32(NFNL_BATCH_GENID, generation);
  writer.endMessage(start);
}
