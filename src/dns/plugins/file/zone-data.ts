import type { Zone } from '#dns/zone.ts';
import { type DnsName, type DnsRecord, nameKey, RecordType } from '#wire/dns.ts';

const NSEC = 47;

/** Records of one name by type. */
export type ZoneNode = ReadonlyMap<number, readonly DnsRecord[]>;

/** The records of a zone, to be looked up by name. */
export class ZoneData {
  readonly apex: DnsName;
  readonly soa: DnsRecord;
  readonly records: readonly DnsRecord[];
  /** NSEC records in the order of their names. */
  readonly #denials: readonly { readonly key: string; readonly record: DnsRecord }[];
  readonly #nodes = new Map<string, Map<number, DnsRecord[]>>();

  private constructor(apex: DnsName, soa: DnsRecord, records: readonly DnsRecord[]) {
    this.apex = apex;
    this.soa = soa;
    this.records = records;
    this.#denials = records
      .filter(({ type }) => type === NSEC)
      .map((record) => ({ key: canonicalKey(record.name), record }))
      .toSorted((a, b) => (a.key < b.key ? -1 : 1));
    for (const record of records) {
      const node = this.#makeNode(record.name);
      const known = node.get(record.type);
      if (known === undefined) node.set(record.type, [record]);
      else known.push(record);
    }
  }

  /**
   * Records of names outside the zone are left out. Throws an `Error` for those that make no zone: without SOA of
   * its name, or with several.
   */
  static of(zone: Zone, given: readonly DnsRecord[]): ZoneData {
    const records = unique(given).map((record) => ({ ...record, name: record.name.map(lowerCase) }));
    const soas = records.filter(({ type }) => type === RecordType.SOA);
    const [soa] = soas;
    if (soa === undefined) throw new Error(`there is no SOA record for ${zone.text}`);
    if (nameKey(soa.name) !== nameKey(zone.labels))
      throw new Error(`the SOA record is of ${soa.name.join('.')}, not of ${zone.text}`);
    if (soas.length > 1) throw new Error(`there are ${soas.length} SOA records; a zone has one`);
    const inside = records.filter(({ name }) => isBelow(name, zone.labels));
    return new ZoneData(zone.labels, soa, inside);
  }

  /** Undefined when there is neither a record of the name nor of one below it. */
  node(name: DnsName): ZoneNode | undefined {
    return this.#nodes.get(nameKey(name));
  }

  get isSigned(): boolean {
    return this.#denials.length > 0;
  }

  /** The NSEC record of the last name before one that is not there, which says that nothing is between (RFC 4034 §4). */
  denialOf(name: DnsName): readonly DnsRecord[] {
    const key = canonicalKey(name);
    let [from, to] = [0, this.#denials.length];
    while (from < to) {
      const middle = (from + to) >> 1;
      if ((this.#denials[middle]?.key ?? '') <= key) from = middle + 1;
      else to = middle;
    }
    // Before the first comes the last: it says that there is none behind it.
    const before = this.#denials.at(from - 1);
    return before === undefined ? [] : [before.record];
  }

  /** The node, and those between it and the apex, which exist although they have no records (RFC 4592 §2.2.2). */
  #makeNode(name: DnsName): Map<number, DnsRecord[]> {
    for (let i = 1; name.length - i >= this.apex.length; i++) {
      const key = nameKey(name.slice(i));
      if (this.#nodes.has(key)) break;
      this.#nodes.set(key, new Map());
    }
    const key = nameKey(name);
    const known = this.#nodes.get(key);
    if (known !== undefined) return known;
    const node = new Map<number, DnsRecord[]>();
    this.#nodes.set(key, node);
    return node;
  }
}

/** Sorts as names do in DNSSEC: from the last label to the first (RFC 4034 §6.1). */
function canonicalKey(name: DnsName): string {
  return name
    .map((label) => `${lowerCase(label)}\0`)
    .toReversed()
    .join('');
}

/** As CoreDNS has owners. Only ASCII: names are bytes. */
function lowerCase(label: string): string {
  return label.replaceAll(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

function isBelow(name: DnsName, zone: DnsName): boolean {
  return name.length >= zone.length && nameKey(name.slice(name.length - zone.length)) === nameKey(zone);
}

function unique(records: readonly DnsRecord[]): DnsRecord[] {
  const seen = new Set<string>();
  return records.filter((record) => {
    const key = `${nameKey(record.name)}${record.type} ${JSON.stringify(record.data)}`;
    return !seen.has(key) && seen.add(key).size > 0;
  });
}
