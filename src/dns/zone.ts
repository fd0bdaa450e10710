import { Cidr, ipFamily, ipToBytes } from '#lib/ip.ts';
import { type DnsName, formatName, HEADER_BYTES, nameKey, parseName } from '#wire/dns.ts';
import type { DnsQuery } from '#wire/dns-query.ts';

/** A domain, with all that is below it. */
export interface Zone {
  /** In lower case. */
  readonly labels: DnsName;
  /** As made by `nameKey()`. */
  readonly key: string;
  /** With its last dot, `.` for the root. */
  readonly text: string;
}

const MAX_LABEL_TEXT = 'a label has 63 bytes at most, a name 255';

/**
 * Reads a zone as Corefiles write it: a name, or a network (`10.0.0.0/8`, `fd00::/16`) for the zones of its
 * reverse names; one that ends within a label is several of them. Throws a `TypeError` that says what is wrong.
 */
export function parseZones(text: string): Zone[] {
  const network = Cidr.parse(text);
  if (network !== undefined) return reverseZones(network).map(zoneOf);
  const labels = parseName(text.toLowerCase());
  if (labels === undefined)
    throw new TypeError(`${JSON.stringify(text)} is no zone: no name (${MAX_LABEL_TEXT}) and no network`);
  return [zoneOf(labels)];
}

export function zoneOf(labels: DnsName): Zone {
  const lower = labels.map((label) => label.toLowerCase());
  return { labels: lower, key: nameKey(lower), text: formatName(lower) };
}

export const ROOT: Zone = zoneOf([]);

/** Whether a name, by its key, is the zone's or below it. */
export function isInZone(key: string, zone: Pick<Zone, 'key'>): boolean {
  if (!key.endsWith(zone.key)) return false;
  for (let at = 0; at <= key.length - zone.key.length; at += 1 + key.charCodeAt(at)) {
    if (at === key.length - zone.key.length) return true;
  }
  return false;
}

/** Whether no name is in both. */
export function isApart(a: Pick<Zone, 'key'>, b: Pick<Zone, 'key'>): boolean {
  return !isInZone(a.key, b) && !isInZone(b.key, a);
}

/** Values by zone; a name belongs to the longest zone that it is in. */
export class ZoneMap<T> {
  readonly #zones = new Map<string, T>();

  constructor(entries: Iterable<readonly [Zone, T]> = []) {
    for (const [zone, value] of entries) this.#zones.set(zone.key, value);
  }

  /** Of all zones. */
  get keys(): string[] {
    return [...this.#zones.keys()];
  }

  /** The value of the longest zone that the question's name is in. */
  match({ key, labelStarts }: DnsQuery): T | undefined {
    const end = key.length - 4;
    for (const start of labelStarts) {
      const value = this.#zones.get(key.slice(start - HEADER_BYTES, end));
      if (value !== undefined) return value;
    }
    return undefined;
  }
}

/** Zones alone: which of them, the longest, is a name in? */
export class ZoneSet extends ZoneMap<Zone> {
  readonly zones: readonly Zone[];

  constructor(zones: readonly Zone[]) {
    super(zones.map((zone) => [zone, zone]));
    this.zones = zones;
  }
}

function reverseZones(network: Cidr): DnsName[] {
  const labelBits = network.family === 4 ? 8 : 4;
  const length = Math.ceil(network.prefixLength / labelBits) * labelBits;
  const count = 2 ** (length - network.prefixLength);
  return Array.from({ length: count }, (_, n) => {
    const labels = reverseLabels(network.nthSubnet(length, n).network, network.family);
    return [
      ...labels.slice(labels.length - length / labelBits),
      network.family === 4 ? 'in-addr' : 'ip6',
      'arpa',
    ];
  });
}

/** The labels of an address's reverse name, without `in-addr.arpa` or `ip6.arpa`. */
function reverseLabels(address: string, family: 4 | 6): string[] {
  if (family === 4) return address.split('.').toReversed();
  return Buffer.from(ipToBytes(address)).toString('hex').split('').toReversed();
}

/** `4.3.2.1.in-addr.arpa` of an address. */
export function reverseName(address: string): DnsName {
  const family = ipFamily(address);
  return [...reverseLabels(address, family), family === 4 ? 'in-addr' : 'ip6', 'arpa'];
}
