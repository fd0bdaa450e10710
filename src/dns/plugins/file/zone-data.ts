import type { Zone } from '#dns/zone.ts';
import { type DnsName, type DnsRecord, nameKey, RecordType } from '#wire/dns.ts';

/** Records of one name by type. */
export type ZoneNode = ReadonlyMap<number, readonly DnsRecord[]>;

/** The records of a zone, to be looked up by name. */
export class ZoneData {
  readonly apex: DnsName;
  readonly soa: DnsRecord;
  readonly records: readonly DnsRecord[];
  readonly #nodes = new Map<string, Map<number, DnsRecord[]>>();

  private constructor(apex: DnsName, soa: DnsRecord, records: readonly DnsRecord[]) {
    this.apex = apex;
    this.soa = soa;
    this.records = records;
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
