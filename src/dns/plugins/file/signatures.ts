/** What a signed zone adds to answers for those who check them (RFC 4035 §3.1). The zone file holds it all. */
import type { DnsAnswer } from '#dns/handler.ts';
import { type DnsName, type DnsRecord, nameKey, RecordType, ResponseCode } from '#wire/dns.ts';
import type { ZoneData, ZoneNode } from './zone-data.ts';

const DS = 43;
const RRSIG = 46;
const NSEC = 47;

/** The answer to a question for a name, with signatures, and proofs of what there is not. */
export function withProofs(zone: ZoneData, name: DnsName, answer: DnsAnswer): DnsAnswer {
  if (!zone.isSigned) return answer;
  const { answers, authorities, additionals } = answer;
  const proofs = [...denials(zone, name, answer), ...wildcardProofs(zone, answers)];
  return {
    ...answer,
    answers: signed(zone, answers),
    authorities: signed(zone, [...authorities, ...new Set(proofs)]),
    additionals: signed(zone, additionals),
  };
}

/** Each RRset with its signatures behind it. */
function signed(zone: ZoneData, records: readonly DnsRecord[]): DnsRecord[] {
  return records.flatMap((record, i) => {
    const next = records[i + 1];
    const isLast = next?.type !== record.type || nameKey(next.name) !== nameKey(record.name);
    return isLast ? [record, ...signaturesOf(zone, record)] : [record];
  });
}

function signaturesOf(zone: ZoneData, { name, type }: DnsRecord): DnsRecord[] {
  const own = zone.node(name);
  const node = own ?? wildcardOf(zone, name);
  return (node?.get(RRSIG) ?? [])
    .filter(
      ({ data }) => data.kind === 'opaque' && (((data.bytes[0] ?? 0) << 8) | (data.bytes[1] ?? 0)) === type,
    )
    .map((signature) => (own === undefined ? { ...signature, name } : signature));
}

/** Proofs that the name at the end of the answer's aliases is not there, or has nothing of the type. */
function denials(zone: ZoneData, name: DnsName, { rcode, answers, authorities }: DnsAnswer): DnsRecord[] {
  const [cut] = authorities;
  if (cut?.type === RecordType.NS && nameKey(cut.name) !== nameKey(zone.apex)) {
    const node = zone.node(cut.name);
    return node?.has(DS) === true ? [] : [...(node?.get(NSEC) ?? [])];
  }
  if (!authorities.includes(zone.soa)) return [];
  const end = aliasEnd(name, answers);
  const node = zone.node(end);
  if (rcode === ResponseCode.NXDOMAIN)
    return [...zone.denialOf(end), ...zone.denialOf(['*', ...closestEncloser(zone, end)])];
  if (node !== undefined) return [...(node.get(NSEC) ?? zone.denialOf(end))];
  return [...zone.denialOf(end), ...(wildcardOf(zone, end)?.get(NSEC) ?? [])];
}

/** Proofs that no name stood in the way of the wildcards that answers come from. */
function wildcardProofs(zone: ZoneData, answers: readonly DnsRecord[]): DnsRecord[] {
  return answers.flatMap(({ name }) =>
    zone.node(name) === undefined && wildcardOf(zone, name) !== undefined ? zone.denialOf(name) : [],
  );
}

function aliasEnd(name: DnsName, answers: readonly DnsRecord[]): DnsName {
  const last = answers.findLast(({ type }) => type === RecordType.CNAME);
  return last?.data.kind === 'name' ? last.data.target : name;
}

function wildcardOf(zone: ZoneData, name: DnsName): ZoneNode | undefined {
  return zone.node(['*', ...closestEncloser(zone, name)]);
}

function closestEncloser(zone: ZoneData, name: DnsName): DnsName {
  for (let i = 1; name.length - i > zone.apex.length; i++) {
    const above = name.slice(i);
    if (zone.node(above) !== undefined) return above;
  }
  return zone.apex;
}
