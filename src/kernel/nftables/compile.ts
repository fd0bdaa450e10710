import { ipFamily } from '#lib/ip.ts';
import { NFPROTO, NFT_OBJECT_COUNTER } from '#wire/nftables.ts';
import {
  CT_KEY,
  type Data,
  DYNSET,
  type Expression,
  META_KEY,
  NAT_FLAG,
  NF_ACCEPT,
  NF_DROP,
  NFT_CONTINUE,
  NFT_GOTO,
  NFT_JUMP,
  NFT_REG_VERDICT,
  NFT_RETURN,
  PAYLOAD_BASE,
} from '#wire/nftables-expression.ts';
import { Loader, reg, registersOf } from './compile-load.ts';
import { compileBits, compileMatch, pushMask } from './compile-match.ts';
import { DATA_TYPES, encodeNumber, encodeValue, NftablesValueError } from './data-types.ts';
import type { Family, NftMap, Verdict } from './objects.ts';
import type {
  LimitStatement,
  LogStatement,
  NatFlags,
  NatStatement,
  NatTarget,
  RejectStatement,
  SetFieldStatement,
  SetMarkStatement,
  Statement,
  TproxyStatement,
  UpdateStatement,
} from './statements.ts';

const LOOKUP_INVERTED = 1;
const LIMIT_INVERTED = 1;
const DEFAULT_BURST = 5;
const SECONDS = { second: 1n, minute: 60n, hour: 3600n, day: 86_400n } as const;

const REJECT_ICMP = 0;
const REJECT_TCP_RESET = 1;
const REJECT_ICMPX = 2;
/** Codes of ICMP, ICMPv6 and nf_tables' own family-independent numbers. */
const REJECT_CODES = {
  'no-route': { ip: 0, ip6: 0, any: 0 },
  'port-unreachable': { ip: 3, ip6: 4, any: 1 },
  'host-unreachable': { ip: 1, ip6: 3, any: 2 },
  'admin-prohibited': { ip: 13, ip6: 1, any: 3 },
} as const;

/** A rule's statements as the kernel's expressions. Throws `NftablesValueError` for what does not fit together. */
export function compileRule(family: Family, statements: readonly Statement[]): Expression[] {
  const loader = new Loader(family);
  for (const statement of statements) compileStatement(loader, statement);
  return loader.expressions;
}

/** A verdict as it is stored in a map or in a rule. */
export function verdictData(verdict: Verdict): Data {
  switch (verdict) {
    case 'accept':
      return { verdict: { code: NF_ACCEPT } };
    case 'drop':
      return { verdict: { code: NF_DROP } };
    case 'return':
      return { verdict: { code: NFT_RETURN } };
    case 'continue':
      return { verdict: { code: NFT_CONTINUE } };
    default:
      if ('jump' in verdict) return { verdict: { code: NFT_JUMP, chain: verdict.jump } };
      return { verdict: { code: NFT_GOTO, chain: verdict.goto } };
  }
}

function compileStatement(loader: Loader, statement: Statement): void {
  const { expressions } = loader;
  switch (statement.kind) {
    case 'match':
      return compileMatch(loader, statement);
    case 'bits':
      return compileBits(loader, statement);
    case 'lookup':
      loader.loadKey(statement.key, statement.set);
      expressions.push({
        name: 'lookup',
        set: statement.set.name,
        sreg: reg(0),
        flags: statement.not === true ? LOOKUP_INVERTED : undefined,
      });
      return;
    case 'vmap':
      loader.loadKey(statement.key, statement.map);
      expressions.push({ name: 'lookup', set: statement.map.name, sreg: reg(0), dreg: NFT_REG_VERDICT });
      return;
    case 'verdict':
      expressions.push({ name: 'immediate', dreg: NFT_REG_VERDICT, data: verdictData(statement.verdict) });
      return;
    case 'dnat':
    case 'snat':
      return compileNat(loader, statement);
    case 'masquerade':
      expressions.push({ name: 'masq', flags: natFlags(statement) });
      return;
    case 'redirect':
      if (statement.port !== undefined) loadPort(loader, statement.port, 0);
      expressions.push({
        name: 'redir',
        proto_min: statement.port === undefined ? undefined : reg(0),
        flags: natFlags(statement),
      });
      return;
    case 'tproxy':
      return compileTproxy(loader, statement);
    case 'reject':
      return compileReject(loader, statement);
    case 'setMark':
      return compileSetMark(loader, statement);
    case 'setField':
      return compileSetField(loader, statement);
    case 'update':
      return compileUpdate(loader, statement);
    case 'counter':
      expressions.push(
        statement.counter === undefined
          ? { name: 'counter', bytes: 0n, packets: 0n }
          : { name: 'objref', type: NFT_OBJECT_COUNTER, object: statement.counter.name },
      );
      return;
    case 'log':
      expressions.push(logExpression(statement));
      return;
    case 'limit':
      expressions.push(limitExpression(statement));
      return;
    case 'notrack':
      expressions.push({ name: 'notrack' });
  }
}

/** The kernel itself leaves packets of another family than the target's alone, so nothing is matched for it. */
function compileNat(loader: Loader, statement: NatStatement): void {
  const { to } = statement;
  const target = 'map' in to ? loadMapTarget(loader, to) : loadConstantTarget(loader, to);
  const network = target.network ?? loader.network;
  if (network === undefined) {
    throw new NftablesValueError(
      `${statement.kind} to a port only, in an inet table: match meta nfproto first`,
    );
  }
  loader.expressions.push({
    name: 'nat',
    type: statement.kind === 'dnat' ? 1 : 0,
    family: network === 'ipv4' ? NFPROTO.ip : NFPROTO.ip6,
    addr_min: target.address,
    proto_min: target.port,
    flags: natFlags(statement),
  });
}

type MapTarget = Extract<NatTarget, { map: NftMap }>;

/** Registers that hold the address and the port, and the family of the address. */
interface LoadedTarget {
  address?: number | undefined;
  port?: number | undefined;
  network?: 'ipv4' | 'ipv6' | undefined;
}

function loadConstantTarget(
  loader: Loader,
  to: { address?: string | undefined; port?: number | undefined },
): LoadedTarget {
  const target: LoadedTarget = {};
  let next = 0;
  if (to.address !== undefined) {
    target.network = ipFamily(to.address) === 4 ? 'ipv4' : 'ipv6';
    const type = target.network === 'ipv4' ? 'ipv4_addr' : 'ipv6_addr';
    loader.expressions.push({
      name: 'immediate',
      dreg: reg(0),
      data: { value: encodeValue(type, to.address) },
    });
    target.address = reg(0);
    next = registersOf(type);
  }
  if (to.port !== undefined) {
    loadPort(loader, to.port, next);
    target.port = reg(next);
  }
  return target;
}

function loadMapTarget(loader: Loader, to: MapTarget): LoadedTarget {
  const types = to.map.data;
  const [first, second] = types;
  const hasAddress = first === 'ipv4_addr' || first === 'ipv6_addr';
  const port = hasAddress ? second : first;
  if (types === 'verdict' || first === undefined || (port !== undefined && port !== 'inet_service')) {
    throw new NftablesValueError(`map ${to.map.name} has no address or port to translate to`);
  }
  const network = hasAddress ? (first === 'ipv4_addr' ? 'ipv4' : 'ipv6') : undefined;
  loader.load({ kind: 'map', map: to.map, key: to.key });
  return {
    network,
    address: hasAddress ? reg(0) : undefined,
    port: port === undefined ? undefined : reg(hasAddress ? registersOf(first) : 0),
  };
}

function compileTproxy(loader: Loader, { family, address, port }: TproxyStatement): void {
  const target = loadConstantTarget(loader, { address, port });
  loader.expressions.push({
    name: 'tproxy',
    family: NFPROTO[family],
    addr: target.address,
    port: target.port,
  });
}

function compileReject(loader: Loader, { with: how }: RejectStatement): void {
  if (how === 'tcp reset') {
    loader.need('transport', 'tcp');
    loader.expressions.push({ name: 'reject', type: REJECT_TCP_RESET, code: 0 });
    return;
  }
  const { family } = loader;
  const codes = REJECT_CODES[how];
  const isOneFamily = family === 'ip' || family === 'ip6';
  loader.expressions.push({
    name: 'reject',
    type: isOneFamily ? REJECT_ICMP : REJECT_ICMPX,
    code: isOneFamily ? codes[family] : codes.any,
  });
}

function compileSetMark(loader: Loader, { of, to, mask }: SetMarkStatement): void {
  if (typeof to === 'number' && mask === undefined) {
    loader.expressions.push({ name: 'immediate', dreg: reg(0), data: { value: encodeNumber('mark', to) } });
  } else if (typeof to === 'number' && mask !== undefined) {
    loader.load(of === 'meta' ? { kind: 'meta', key: 'mark' } : { kind: 'ct', key: 'mark' });
    pushMask(loader, encodeNumber('mark', ~mask >>> 0), encodeNumber('mark', (to & mask) >>> 0));
  } else if (typeof to !== 'number') {
    loader.load(to);
    if (mask !== undefined) pushMask(loader, encodeNumber('mark', mask), new Uint8Array(4));
  }
  loader.expressions.push(
    of === 'meta'
      ? { name: 'meta', key: META_KEY.mark, sreg: reg(0) }
      : { name: 'ct', key: CT_KEY.mark, sreg: reg(0) },
  );
}

/** Where the checksum lies that covers a header's fields, counted from the header's beginning. */
const CHECKSUM_AT: Readonly<Record<string, number>> = { ipv4: 10, udp: 6, tcp: 16 };
const CHECKSUM_INET = 1;
/** Checksums of transport protocols cover the addresses too. */
const CHECKSUM_PSEUDO_HEADER = 1;

function compileSetField(loader: Loader, { field, to }: SetFieldStatement): void {
  const { base, offset, type, text, network, transport } = field;
  const isAddress = type === 'ipv4_addr' || type === 'ipv6_addr';
  const csum_offset = CHECKSUM_AT[transport ?? network ?? ''];
  if (!isAddress && (transport === undefined || csum_offset === undefined))
    throw new NftablesValueError(`${text} cannot be set: only addresses, and ports of UDP and TCP, can`);
  loader.needProtocols([field]);
  loader.load(to);
  loader.expressions.push({
    name: 'payload',
    sreg: reg(0),
    base: PAYLOAD_BASE[base],
    offset,
    len: DATA_TYPES[type].size,
    csum_type: csum_offset === undefined ? 0 : CHECKSUM_INET,
    csum_offset: csum_offset ?? 0,
    csum_flags: isAddress ? CHECKSUM_PSEUDO_HEADER : 0,
  });
}

function compileUpdate(loader: Loader, { operation, set, key, data, timeoutMs }: UpdateStatement): void {
  // Protocol matches of the data would overwrite the key once that is loaded.
  loader.needProtocols(data ?? []);
  const keySize = loader.loadKey(key, set);
  if ((set.kind === 'map') !== (data !== undefined) && operation !== 'delete') {
    throw new NftablesValueError(`${operation} @${set.name}: a map's elements have data, a set's have none`);
  }
  if (data !== undefined) loader.loadAll(data, keySize);
  loader.expressions.push({
    name: 'dynset',
    set: set.name,
    op: DYNSET[operation],
    sreg_key: reg(0),
    sreg_data: data === undefined ? undefined : reg(keySize),
    timeout: timeoutMs === undefined ? undefined : BigInt(timeoutMs),
  });
}

function loadPort(loader: Loader, port: number, at: number): void {
  loader.expressions.push({
    name: 'immediate',
    dreg: reg(at),
    data: { value: encodeValue('inet_service', port) },
  });
}

function natFlags({ random, fullyRandom, persistent }: NatFlags): number | undefined {
  const flags =
    (random === true ? NAT_FLAG.random : 0) |
    (fullyRandom === true ? NAT_FLAG.fullyRandom : 0) |
    (persistent === true ? NAT_FLAG.persistent : 0);
  return flags === 0 ? undefined : flags;
}

function logExpression({ prefix, group, snaplenBytes }: LogStatement): Expression {
  return { name: 'log', group, prefix, snaplen: snaplenBytes };
}

function limitExpression({ rate, per, burst, over }: LimitStatement): Expression {
  return {
    name: 'limit',
    rate: BigInt(rate),
    unit: SECONDS[per],
    burst: burst ?? DEFAULT_BURST,
    type: 0,
    flags: over === true ? LIMIT_INVERTED : 0,
  };
}
