import { reverseName } from '#dns/zone.ts';
import { type Ip, parseIp, unmapIp } from '#lib/ip.ts';
import { type DnsName, nameKey, parseName } from '#wire/dns.ts';

/** Names and addresses of a hosts file. */
export interface HostsTable {
  /** By `nameKey()`; both families together. */
  readonly addresses: ReadonlyMap<string, readonly Ip[]>;
  /** By the key of the reverse name. */
  readonly names: ReadonlyMap<string, readonly DnsName[]>;
}

/** Reads lines of `ADDRESS NAME…`, `#` beginning a comment; lines without an address and a name are skipped. */
export function parseHosts(text: string): HostsTable {
  const addresses = new Map<string, Ip[]>();
  const names = new Map<string, DnsName[]>();
  for (const line of text.split('\n')) {
    const [addressText = '', ...hosts] = line.replace(/#.*/, '').trim().split(/\s+/);
    const parsed = parseIp(addressText.replace(/%.*/, ''));
    if (parsed === undefined) continue;
    const address = unmapIp(parsed);
    const reverseKey = nameKey(reverseName(address));
    for (const host of hosts) {
      const name = parseName(host.toLowerCase());
      if (name === undefined || name.length === 0) continue;
      add(addresses, nameKey(name), address);
      // A wildcard is nobody's name.
      if (name[0] !== '*') add(names, reverseKey, name);
    }
  }
  return { addresses, names };
}

/** Both one after the other. */
export function mergeHosts(first: HostsTable, second: HostsTable): HostsTable {
  return {
    addresses: mergeMaps(first.addresses, second.addresses),
    names: mergeMaps(first.names, second.names),
  };
}

function add<T>(map: Map<string, T[]>, key: string, value: T): void {
  const values = map.get(key);
  if (values === undefined) map.set(key, [value]);
  else values.push(value);
}

function mergeMaps<T>(
  first: ReadonlyMap<string, readonly T[]>,
  second: ReadonlyMap<string, readonly T[]>,
): Map<string, readonly T[]> {
  const merged = new Map(first);
  for (const [key, values] of second) merged.set(key, [...(merged.get(key) ?? []), ...values]);
  return merged;
}
