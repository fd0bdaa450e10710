import { formatAddressPort, ipFamily } from '#lib/ip.ts';
import type { Value } from './data-types.ts';
import type { Verdict } from './objects.ts';
import { printSelector, printSelectors } from './print-selector.ts';
import { type Selector, selectorTypes } from './selectors.ts';
import type {
  MatchStatement,
  NatFlags,
  NatTarget,
  SetMarkStatement,
  Statement,
  UpdateStatement,
} from './statements.ts';

/** A rule's statement in nft's language. */
export function printStatement(statement: Statement): string {
  switch (statement.kind) {
    case 'match':
      return printMatch(statement);
    case 'bits': {
      const bits = statement.bits.join(',');
      return `${printSelector(statement.selector)} ${statement.not === true ? `& (${bits}) == 0` : bits}`;
    }
    case 'lookup':
      return `${printSelectors(statement.key)} ${statement.not === true ? '!= ' : ''}@${statement.set.name}`;
    case 'vmap':
      return `${printSelectors(statement.key)} vmap @${statement.map.name}`;
    case 'verdict':
      return printVerdict(statement.verdict);
    case 'dnat':
    case 'snat':
      return `${statement.kind} ${printTarget(statement.to)}${printFlags(statement)}`;
    case 'masquerade':
      return `masquerade${printFlags(statement)}`;
    case 'redirect':
      return `redirect${statement.port === undefined ? '' : ` to :${statement.port}`}${printFlags(statement)}`;
    case 'tproxy': {
      const { family, address = '', port } = statement;
      const host = address !== '' && family === 'ip6' ? `[${address}]` : address;
      return `tproxy ${family} to ${host}${port === undefined ? '' : `:${port}`}`;
    }
    case 'reject':
      return printReject(statement.with);
    case 'setMark':
      return printSetMark(statement);
    case 'setField':
      return `${printSelector(statement.field)} set ${printSelector(statement.to)}`;
    case 'update':
      return printUpdate(statement);
    case 'counter':
      return statement.counter === undefined ? 'counter' : `counter name "${statement.counter.name}"`;
    case 'log': {
      const { prefix, group, snaplenBytes } = statement;
      const parts = [
        prefix === undefined ? '' : ` prefix "${prefix}"`,
        group === undefined ? '' : ` group ${group}`,
        snaplenBytes === undefined ? '' : ` snaplen ${snaplenBytes}`,
      ];
      return `log${parts.join('')}`;
    }
    case 'limit': {
      const { rate, per, burst, over } = statement;
      const extra = burst === undefined ? '' : ` burst ${burst} packets`;
      return `limit rate ${over === true ? 'over ' : ''}${rate}/${per}${extra}`;
    }
    default:
      return 'notrack';
  }
}

export function printVerdict(verdict: Verdict): string {
  if (typeof verdict === 'string') return verdict;
  return 'jump' in verdict ? `jump ${verdict.jump}` : `goto ${verdict.goto}`;
}

/** Milliseconds as nft writes times: `3h`, `1m30s`, `500ms`. */
export function printDuration(ms: number): string {
  const units: Array<[unit: string, ms: number]> = [
    ['d', 86_400_000],
    ['h', 3_600_000],
    ['m', 60_000],
    ['s', 1000],
    ['ms', 1],
  ];
  let rest = ms;
  const parts = units.map(([unit, size]) => {
    const count = Math.floor(rest / size);
    rest -= count * size;
    return count === 0 ? '' : `${count}${unit}`;
  });
  return parts.join('') || '0s';
}

/** A value where its type is known: interface names are quoted. */
export function printValue(type: string | undefined, value: Value): string {
  return type === 'ifname' ? `"${value}"` : String(value);
}

function printMatch({ selector, operator, value, mask }: MatchStatement): string {
  const masked = mask === undefined ? '' : ` & 0x${mask.toString(16)}`;
  // A mask needs the operator spelt out; otherwise nft's equality is implied.
  const comparison = operator === '==' && mask === undefined ? '' : ` ${operator}`;
  return `${printSelector(selector)}${masked}${comparison} ${printValue(selectorTypes(selector)[0], value)}`;
}

function printTarget(to: NatTarget): string {
  if ('map' in to) {
    const first = to.map.data === 'verdict' ? undefined : to.map.data[0];
    const family = first === 'ipv4_addr' ? 'ip ' : first === 'ipv6_addr' ? 'ip6 ' : '';
    return `${family}to ${printSelectors(to.key)} map @${to.map.name}`;
  }
  const { address, port } = to;
  if (address === undefined) return `to :${port ?? 0}`;
  const family = ipFamily(address) === 4 ? 'ip' : 'ip6';
  return `${family} to ${port === undefined ? address : formatAddressPort(address, port)}`;
}

function printFlags({ random, fullyRandom, persistent }: NatFlags): string {
  const flags = [
    random === true && 'random',
    fullyRandom === true && 'fully-random',
    persistent === true && 'persistent',
  ];
  const given = flags.filter((flag) => flag !== false).join(',');
  return given === '' ? '' : ` ${given}`;
}

function printReject(how: string): string {
  if (how === 'tcp reset') return 'reject with tcp reset';
  return `reject with icmpx type ${how}`;
}

function printSetMark({ of, to, mask }: SetMarkStatement): string {
  const mark = `${of} mark`;
  if (typeof to !== 'number')
    return `${mark} set ${printSelector(to)}${mask === undefined ? '' : ` and ${hex(mask)}`}`;
  if (mask === undefined) return `${mark} set ${hex(to)}`;
  return `${mark} set ${mark} and ${hex(~mask >>> 0)} xor ${hex((to & mask) >>> 0)}`;
}

function printUpdate({ operation, set, key, data, timeoutMs }: UpdateStatement): string {
  const timeout = timeoutMs === undefined ? '' : ` timeout ${printDuration(timeoutMs)}`;
  const value = data === undefined ? '' : ` : ${printSelectors(data satisfies readonly Selector[])}`;
  return `${operation} @${set.name} { ${printSelectors(key)}${timeout}${value} }`;
}

function hex(value: number): string {
  return `0x${value.toString(16)}`;
}
