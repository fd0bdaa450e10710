import { bytesToIp, Cidr, ipToBytes } from '#lib/ip.ts';
import { type Attributes, decodeAttributes, type NetlinkWriter } from './netlink.ts';
import { familyToNumber, numberToFamily } from './rtnetlink-address.ts';
import { MAIN_TABLE } from './rtnetlink-route.ts';
import type { Rule, RuleAction, RuleRequest } from './rtnetlink-types.ts';

const FRA_DST = 1;
const FRA_SRC = 2;
const FRA_IIFNAME = 3;
const FRA_PRIORITY = 6;
const FRA_FWMARK = 10;
const FRA_TABLE = 15;
const FRA_FWMASK = 16;
const FRA_OIFNAME = 17;

const ACTIONS: Record<RuleAction, number> = { lookup: 1, blackhole: 6, unreachable: 7, prohibit: 8 };

export function encodeRule(writer: NetlinkWriter, request: RuleRequest): void {
  const to = request.to === undefined ? undefined : Cidr.of(request.to);
  const from = request.from === undefined ? undefined : Cidr.of(request.from);
  const action = request.action ?? 'lookup';
  const table = action === 'lookup' ? (request.table ?? MAIN_TABLE) : 0;
  writer.u8(familyToNumber(request.family));
  writer.u8(to?.prefixLength ?? 0);
  writer.u8(from?.prefixLength ?? 0);
  writer.u8(0);
  writer.u8(table < 256 ? table : 0);
  writer.zeros(2);
  writer.u8(ACTIONS[action]);
  writer.u32(0);
  if (to !== undefined) writer.attribute(FRA_DST, ipToBytes(to.network));
  if (from !== undefined) writer.attribute(FRA_SRC, ipToBytes(from.network));
  if (table > 255) writer.attributeU32(FRA_TABLE, table);
  if (request.priority !== undefined) writer.attributeU32(FRA_PRIORITY, request.priority);
  if (request.mark !== undefined) writer.attributeU32(FRA_FWMARK, request.mark);
  if (request.mask !== undefined) writer.attributeU32(FRA_FWMASK, request.mask);
  if (request.inputLink !== undefined) writer.attributeString(FRA_IIFNAME, request.inputLink);
  if (request.outputLink !== undefined) writer.attributeString(FRA_OIFNAME, request.outputLink);
}

/** `struct fib_rule_hdr` of a dump request. */
export function encodeRuleHeader(writer: NetlinkWriter, family?: 4 | 6): void {
  writer.u8(familyToNumber(family));
  writer.zeros(11);
}

export function decodeRule(payload: Uint8Array): Rule | undefined {
  const family = numberToFamily(payload[0]);
  if (payload.length < 12 || family === undefined) return undefined;
  const [, toLength = 0, fromLength = 0, , table = 0, , , action = 0] = payload;
  const attributes = decodeAttributes(payload, 12);
  const actions = Object.keys(ACTIONS) as RuleAction[];
  return {
    family,
    priority: attributes.u32(FRA_PRIORITY) ?? 0,
    action: actions.find((name) => ACTIONS[name] === action) ?? 'other',
    table: action === ACTIONS.lookup ? (attributes.u32(FRA_TABLE) ?? table) : undefined,
    from: prefix(attributes, FRA_SRC, fromLength),
    to: prefix(attributes, FRA_DST, toLength),
    mark: attributes.u32(FRA_FWMARK),
    mask: attributes.u32(FRA_FWMASK),
    inputLink: attributes.string(FRA_IIFNAME),
    outputLink: attributes.string(FRA_OIFNAME),
  };
}

function prefix(attributes: Attributes, type: number, length: number): string | undefined {
  const bytes = attributes.bytes(type);
  return bytes?.length === 4 || bytes?.length === 16 ? `${bytesToIp(bytes)}/${length}` : undefined;
}
