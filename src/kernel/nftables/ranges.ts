import { Cidr } from '#lib/ip.ts';
import type { DataType, Value } from './data-types.ts';

/** Types whose values may be given as `from-to`; names of other types have hyphens of their own. */
const RANGED: ReadonlySet<DataType> = new Set([
  'ipv4_addr',
  'ipv6_addr',
  'inet_service',
  'inet_proto',
  'ether_addr',
]);

/** Takes `80-90` or `10.0.0.1-10.0.0.9` apart; undefined for a single value. */
export function splitRange(type: DataType, value: Value): [from: string, to: string] | undefined {
  if (typeof value !== 'string' || !RANGED.has(type)) return undefined;
  const parts = value.split('-');
  // `ipv6-icmp` is a name, and names do not begin with a digit or colon.
  if (parts.length !== 2 || !/^[0-9a-f:]/i.test(value) || /^[a-z]+\d?-[a-z]+$/.test(value)) return undefined;
  return [parts[0] ?? '', parts[1] ?? ''];
}

/** The first and last value of a range, a network or a single value. */
export function boundsOf(type: DataType, value: Value): [from: Value, to: Value] {
  const range = splitRange(type, value);
  if (range !== undefined) return range;
  if ((type === 'ipv4_addr' || type === 'ipv6_addr') && typeof value === 'string' && value.includes('/')) {
    const cidr = Cidr.parse(value);
    if (cidr !== undefined) return [cidr.network, cidr.broadcast];
  }
  return [value, value];
}
