import type { DnsAnswer } from '#dns/handler.ts';
import {
  CLASS_IN,
  DnsFormatError,
  type DnsName,
  type DnsRecord,
  decodeName,
  HeaderFlag,
  isWireName,
  nameKey,
  RecordType,
  ResponseCode,
} from '#wire/dns.ts';
import type { ZoneData, ZoneNode } from './zone-data.ts';

/** An answer, and the name outside the zone that its last CNAME leads to. */
export interface ZoneAnswer {
  readonly answer: DnsAnswer;
  readonly external: DnsName | undefined;
}

const DNAME = 39;
const DS = 43;
const SVCB = 64;
const HTTPS = 65;
const MAX_CHAIN = 8;

/**
 * Answers a question of the zone (RFC 1034 §4.3.2, RFC 4592, RFC 6672). ANY is a type that no name has (RFC 8482).
 * `dnssecOk`: referrals say whether what they lead to is signed.
 */
export function planZoneAnswer(zone: ZoneData, name: DnsName, type: number, dnssecOk = false): ZoneAnswer {
  const answers: DnsRecord[] = [];
  const seen = new Set([nameKey(name)]);
  let current = name;
  for (let i = 0; i < MAX_CHAIN; i++) {
    const found = find(zone, current, type);
    switch (found.kind) {
      case 'delegation':
        return inside(delegation(zone, answers, [...found.servers, ...(dnssecOk ? found.signers : [])]));
      case 'nothing':
        return inside(negative(zone, found.rcode, answers));
      case 'records':
        return inside(positive(zone, [...answers, ...found.records], type));
      case 'alias':
        answers.push(...found.records);
        if (type === RecordType.CNAME || seen.has(nameKey(found.target)))
          return inside(positive(zone, answers, type));
        seen.add(nameKey(found.target));
        if (!isInside(found.target, zone))
          return { ...inside(positive(zone, answers, type)), external: found.target };
        current = found.target;
        break;
    }
  }
  return inside(positive(zone, answers, type));
}

type Found =
  | { readonly kind: 'records'; readonly records: readonly DnsRecord[] }
  | { readonly kind: 'alias'; readonly records: readonly DnsRecord[]; readonly target: DnsName }
  | {
      readonly kind: 'delegation';
      readonly servers: readonly DnsRecord[];
      readonly signers: readonly DnsRecord[];
    }
  | { readonly kind: 'nothing'; readonly rcode: number };

/** Goes down from the apex, label by label. */
function find(zone: ZoneData, name: DnsName, type: number): Found {
  for (let length = zone.apex.length; length <= name.length; length++) {
    const here = name.slice(name.length - length);
    const node = zone.node(here);
    if (node === undefined) return fromWildcard(zone, name, name.slice(name.length - length + 1), type);
    const isWhole = length === name.length;
    const servers = length > zone.apex.length ? node.get(RecordType.NS) : undefined;
    if (servers !== undefined && !(isWhole && type === DS))
      return { kind: 'delegation', servers, signers: node.get(DS) ?? [] };
    const [dname] = node.get(DNAME) ?? [];
    if (dname !== undefined && !isWhole) return redirect(name, here, dname);
    if (isWhole) return fromNode(node, name, type);
  }
  return { kind: 'nothing', rcode: ResponseCode.NXDOMAIN };
}

function fromWildcard(zone: ZoneData, name: DnsName, encloser: DnsName, type: number): Found {
  const node = zone.node(['*', ...encloser]);
  return node === undefined ? { kind: 'nothing', rcode: ResponseCode.NXDOMAIN } : fromNode(node, name, type);
}

function fromNode(node: ZoneNode, name: DnsName, type: number): Found {
  const owned = (records: readonly DnsRecord[]): DnsRecord[] =>
    records.map((record) => (record.name[0] === '*' ? { ...record, name } : record));
  const cname = node.get(RecordType.CNAME);
  const [alias] = cname ?? [];
  if (type !== RecordType.CNAME && alias?.data.kind === 'name')
    return { kind: 'alias', records: owned([alias]), target: alias.data.target };
  const records = node.get(type);
  return records === undefined
    ? { kind: 'nothing', rcode: ResponseCode.NOERROR }
    : { kind: 'records', records: owned(records) };
}

/** The DNAME and the CNAME made from it (RFC 6672 §3.1). */
function redirect(name: DnsName, owner: DnsName, dname: DnsRecord): Found {
  const suffix = dname.data.kind === 'opaque' ? wireName(dname.data.bytes) : undefined;
  const target = suffix === undefined ? undefined : [...name.slice(0, name.length - owner.length), ...suffix];
  if (target === undefined || !isWireName(target)) return { kind: 'records', records: [dname] };
  const cname: DnsRecord = {
    name,
    type: RecordType.CNAME,
    class: CLASS_IN,
    ttl: dname.ttl,
    data: { kind: 'name', target },
  };
  return { kind: 'alias', records: [dname, cname], target };
}

function wireName(bytes: Uint8Array): DnsName | undefined {
  try {
    return decodeName(bytes, 0).name;
  } catch (error) {
    if (error instanceof DnsFormatError) return undefined;
    throw error;
  }
}

function positive(zone: ZoneData, answers: readonly DnsRecord[], type: number): DnsAnswer {
  const servers = zone.node(zone.apex)?.get(RecordType.NS) ?? [];
  const authorities =
    type === RecordType.NS && answers.some((answer) => servers.includes(answer)) ? [] : servers;
  return {
    rcode: ResponseCode.NOERROR,
    flags: HeaderFlag.AA,
    answers,
    authorities,
    additionals: addressesOf(zone, answers),
  };
}

function negative(zone: ZoneData, rcode: number, answers: readonly DnsRecord[]): DnsAnswer {
  return { rcode, flags: HeaderFlag.AA, answers, authorities: [zone.soa], additionals: [] };
}

function delegation(zone: ZoneData, answers: readonly DnsRecord[], servers: readonly DnsRecord[]): DnsAnswer {
  const flags = answers.length > 0 ? HeaderFlag.AA : 0;
  const additionals = addressesOf(zone, servers);
  return { rcode: ResponseCode.NOERROR, flags, answers, authorities: servers, additionals };
}

/** What the zone knows of the hosts that records name; glue included. */
function addressesOf(zone: ZoneData, records: readonly DnsRecord[]): DnsRecord[] {
  const targets = records.flatMap(({ type, data }) => {
    if (data.kind === 'mx') return [data.exchange];
    if (data.kind === 'opaque' && (type === SVCB || type === HTTPS)) return serviceTarget(data.bytes);
    return data.kind === 'srv' || (data.kind === 'name' && type === RecordType.NS) ? [data.target] : [];
  });
  const names = new Map(targets.map((target) => [nameKey(target), target]));
  return [...names.values()].flatMap((target) => {
    const node = zone.node(target);
    return [...(node?.get(RecordType.A) ?? []), ...(node?.get(RecordType.AAAA) ?? [])];
  });
}

/** Behind the priority; `.` stands for the owner itself. */
function serviceTarget(bytes: Uint8Array): DnsName[] {
  const target = wireName(bytes.subarray(2));
  return target === undefined || target.length === 0 ? [] : [target];
}

function isInside(name: DnsName, zone: ZoneData): boolean {
  const { apex } = zone;
  return name.length >= apex.length && nameKey(name.slice(name.length - apex.length)) === nameKey(apex);
}

function inside(answer: DnsAnswer): ZoneAnswer {
  return { answer, external: undefined };
}
