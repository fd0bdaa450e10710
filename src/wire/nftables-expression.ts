import { decodeAttributeList, decodeAttributes, type NetlinkWriter } from './netlink.ts';
import { decodeFields, encodeFields, type Schema, type Values } from './netlink-schema.ts';

const NFTA_LIST_ELEM = 1;
const NFTA_EXPR_NAME = 1;
const NFTA_EXPR_DATA = 2;

/** A constant (`value`) or a verdict; verdict codes are `NFT_…` as unsigned numbers. */
export const DATA = {
  value: [1, 'bytes'],
  verdict: [2, { code: [1, 'be32'], chain: [2, 'string'] }],
} as const;
export type Data = Values<typeof DATA>;

export const NF_DROP = 0;
export const NF_ACCEPT = 1;
export const NFT_CONTINUE = 0xffffffff;
export const NFT_JUMP = 0xfffffffd;
export const NFT_GOTO = 0xfffffffc;
export const NFT_RETURN = 0xfffffffb;

/** The register that verdicts go to. */
export const NFT_REG_VERDICT = 0;
/** The first of 16 registers of 4 bytes each. */
export const NFT_REG32_00 = 8;
export const REGISTER_COUNT = 16;

export const CMP = { '==': 0, '!=': 1, '<': 2, '<=': 3, '>': 4, '>=': 5 } as const;
export const RANGE = { '==': 0, '!=': 1 } as const;
export const PAYLOAD_BASE = { link: 0, network: 1, transport: 2 } as const;
export const META_KEY = {
  protocol: 1,
  mark: 3,
  iif: 4,
  oif: 5,
  iifname: 6,
  oifname: 7,
  skuid: 10,
  nfproto: 15,
  l4proto: 16,
  pkttype: 19,
} as const;
export const CT_KEY = {
  state: 0,
  direction: 1,
  status: 2,
  mark: 3,
  protocol: 10,
  'proto-src': 11,
  'proto-dst': 12,
  'ip saddr': 19,
  'ip daddr': 20,
  'ip6 saddr': 21,
  'ip6 daddr': 22,
} as const;
export const FIB_FLAG = { saddr: 1, daddr: 2, mark: 4, iif: 8, oif: 16 } as const;
export const FIB_RESULT = { oif: 1, oifname: 2, type: 3 } as const;
export const SOCKET_KEY = { transparent: 0, mark: 1, wildcard: 2 } as const;
export const DYNSET = { add: 0, update: 1, delete: 2 } as const;
export const NAT_FLAG = { random: 4, persistent: 8, fullyRandom: 16 } as const;

/** The attributes of each expression, by the name the kernel knows it by (`NFTA_<NAME>_…`). */
export const EXPRESSIONS = {
  immediate: { dreg: [1, 'be32'], data: [2, DATA] },
  bitwise: {
    sreg: [1, 'be32'],
    dreg: [2, 'be32'],
    len: [3, 'be32'],
    mask: [4, DATA],
    xor: [5, DATA],
    op: [6, 'be32'],
  },
  byteorder: { sreg: [1, 'be32'], dreg: [2, 'be32'], op: [3, 'be32'], len: [4, 'be32'], size: [5, 'be32'] },
  cmp: { sreg: [1, 'be32'], op: [2, 'be32'], data: [3, DATA] },
  range: { sreg: [1, 'be32'], op: [2, 'be32'], from: [3, DATA], to: [4, DATA] },
  lookup: {
    set: [1, 'string'],
    sreg: [2, 'be32'],
    dreg: [3, 'be32'],
    set_id: [4, 'be32'],
    flags: [5, 'be32'],
  },
  dynset: {
    set: [1, 'string'],
    op: [3, 'be32'],
    sreg_key: [4, 'be32'],
    sreg_data: [5, 'be32'],
    timeout: [6, 'be64'],
    flags: [9, 'be32'],
  },
  payload: {
    dreg: [1, 'be32'],
    base: [2, 'be32'],
    offset: [3, 'be32'],
    len: [4, 'be32'],
    sreg: [5, 'be32'],
    csum_type: [6, 'be32'],
    csum_offset: [7, 'be32'],
    csum_flags: [8, 'be32'],
  },
  meta: { dreg: [1, 'be32'], key: [2, 'be32'], sreg: [3, 'be32'] },
  ct: { dreg: [1, 'be32'], key: [2, 'be32'], direction: [3, 'u8'], sreg: [4, 'be32'] },
  limit: { rate: [1, 'be64'], unit: [2, 'be64'], burst: [3, 'be32'], type: [4, 'be32'], flags: [5, 'be32'] },
  counter: { bytes: [1, 'be64'], packets: [2, 'be64'] },
  log: {
    group: [1, 'be16'],
    prefix: [2, 'string'],
    snaplen: [3, 'be32'],
    qthreshold: [4, 'be16'],
    level: [5, 'be32'],
    flags: [6, 'be32'],
  },
  reject: { type: [1, 'be32'], code: [2, 'u8'] },
  nat: {
    type: [1, 'be32'],
    family: [2, 'be32'],
    addr_min: [3, 'be32'],
    addr_max: [4, 'be32'],
    proto_min: [5, 'be32'],
    proto_max: [6, 'be32'],
    flags: [7, 'be32'],
  },
  masq: { flags: [1, 'be32'], proto_min: [2, 'be32'], proto_max: [3, 'be32'] },
  redir: { proto_min: [1, 'be32'], proto_max: [2, 'be32'], flags: [3, 'be32'] },
  tproxy: { family: [1, 'be32'], addr: [2, 'be32'], port: [3, 'be32'] },
  fib: { dreg: [1, 'be32'], result: [2, 'be32'], flags: [3, 'be32'] },
  numgen: { dreg: [1, 'be32'], modulus: [2, 'be32'], type: [3, 'be32'], offset: [4, 'be32'] },
  hash: {
    sreg: [1, 'be32'],
    dreg: [2, 'be32'],
    len: [3, 'be32'],
    modulus: [4, 'be32'],
    seed: [5, 'be32'],
    offset: [6, 'be32'],
    type: [7, 'be32'],
  },
  socket: { key: [1, 'be32'], dreg: [2, 'be32'], level: [3, 'be32'] },
  notrack: {},
  objref: { type: [1, 'be32'], object: [2, 'string'] },
} as const satisfies Record<string, Schema>;

export type ExpressionName = keyof typeof EXPRESSIONS;

/** One step of the kernel's rule machine, such as `{ name: 'meta', dreg: 8, key: 16 }`. */
export type Expression = {
  [N in ExpressionName]: { readonly name: N } & Values<(typeof EXPRESSIONS)[N]>;
}[ExpressionName];

/** An expression of a kind that Portolan never writes, as read from somebody else's rule. */
export interface UnknownExpression {
  readonly name: 'unknown';
  /** The kernel's name of it. */
  readonly kind: string;
}

/** Appends the list elements of a rule's (or dynset's) expression list. */
export function encodeExpressions(writer: NetlinkWriter, expressions: readonly Expression[]): void {
  for (const expression of expressions) {
    const schema: Schema = EXPRESSIONS[expression.name];
    const element = writer.beginNested(NFTA_LIST_ELEM);
    writer.attributeString(NFTA_EXPR_NAME, expression.name);
    const data = writer.beginNested(NFTA_EXPR_DATA);
    const { name: _, ...fields } = expression;
    encodeFields(writer, schema, fields);
    writer.end(data);
    writer.end(element);
  }
}

/** Reads an expression list. */
export function decodeExpressions(bytes: Uint8Array): Array<Expression | UnknownExpression> {
  return decodeAttributeList(bytes).map(([, value]) => {
    const attributes = decodeAttributes(value);
    const name = attributes.string(NFTA_EXPR_NAME) ?? '';
    if (!Object.hasOwn(EXPRESSIONS, name)) return { name: 'unknown', kind: name };
    const schema: Schema = EXPRESSIONS[name as ExpressionName];
    const data = attributes.bytes(NFTA_EXPR_DATA);
    const fields = data === undefined ? {} : decodeFields(schema, decodeAttributes(data));
    return { name, ...fields } as unknown as Expression;
  });
}
