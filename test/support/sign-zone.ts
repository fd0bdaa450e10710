/** Signs zones, so that validators can judge answers: ECDSA P-256 (RFC 6605), one key, NSEC. */
import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { ipToBytes } from '#lib/ip.ts';
import { CLASS_IN, type DnsRecord, formatName, typeName } from '#wire/dns.ts';
import { parseRecord } from '#wire/dns-text.ts';
import { DnsWriter } from '#wire/dns-writer.ts';

const ALGORITHM = 13;
const DAY_SECONDS = 86_400;

/** A zone file of these records and what signs them, and the public key in base64. `lines`: whole names in lower case. */
export function signZone(zone: string, lines: readonly string[]): { text: string; key: string } {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const { x = '', y = '' } = publicKey.export({ format: 'jwk' });
  const key = Buffer.concat([Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')]).toString('base64');
  const keyLine = `${zone} 60 DNSKEY 257 3 ${ALGORITHM} ${key}`;
  const plain = [...lines, keyLine].map((line) => parseRecord(line));
  const cuts = plain.filter(({ name, type }) => typeName(type) === 'NS' && formatName(name) !== zone);
  const isBelowCut = ({ name }: DnsRecord): boolean =>
    cuts.some((cut) => formatName(name).endsWith(`.${formatName(cut.name)}`));
  const own = plain.filter((record) => !isBelowCut(record));
  const denials = denialLines(own);
  const signed = [...own, ...denials.map((line) => parseRecord(line))].filter(
    (record) => !cuts.includes(record),
  );
  const signer = { zone, tag: keyTag(parseRecord(keyLine)), privateKey };
  const signatures = rrsets(signed).map((set) => signatureLine(set, signer));
  return { text: [...lines, keyLine, ...denials, ...signatures, ''].join('\n'), key };
}

/** An NSEC record of each name, leading to the next one (RFC 4034 §4). */
function denialLines(records: readonly DnsRecord[]): string[] {
  const types = new Map<string, Set<string>>();
  for (const { name, type } of records) {
    const known = types.get(formatName(name)) ?? new Set(['RRSIG', 'NSEC']);
    types.set(formatName(name), known.add(typeName(type)));
  }
  const canonical = (name: string): string => name.split('.').toReversed().join('\0');
  const names = [...types.keys()].toSorted((a, b) => (canonical(a) < canonical(b) ? -1 : 1));
  return names.map((name, i) => {
    const next = names[(i + 1) % names.length];
    return `${name} 60 NSEC ${next} ${[...(types.get(name) ?? [])].join(' ')}`;
  });
}

function rrsets(records: readonly DnsRecord[]): DnsRecord[][] {
  const sets = Map.groupBy(records, ({ name, type }) => `${formatName(name)} ${type}`);
  return [...sets.values()];
}

/** RFC 4034 §3.1.8.1. */
function signatureLine(
  set: readonly DnsRecord[],
  { zone, tag, privateKey }: { zone: string; tag: number; privateKey: KeyObject },
): string {
  const [first] = set;
  if (first === undefined) throw new TypeError('an RRset has a record');
  const labels = first.name.filter((label) => label !== '*').length;
  const nowSeconds = Math.floor(Date.now() / 1000);
  const [until, from] = [nowSeconds + DAY_SECONDS, nowSeconds - DAY_SECONDS];
  const head = `${typeName(first.type)} ${ALGORITHM} ${labels} ${first.ttl} ${until} ${from} ${tag} ${zone}`;
  // The signature itself is not signed: here it is empty but for a byte that is cut off.
  const unsigned = dataOf(parseRecord(`${formatName(first.name)} RRSIG ${head} AA==`)).subarray(0, -1);
  const bodies = set.map((record) => {
    const data = dataOf(record);
    const writer = new DnsWriter().name(record.name, false).u16(record.type).u16(CLASS_IN);
    return Buffer.from(writer.u32(record.ttl).u16(data.length).bytes(data).finish());
  });
  const message = Buffer.concat([unsigned, ...bodies.toSorted((a, b) => a.compare(b))]);
  const signature = sign('sha256', message, { key: privateKey, dsaEncoding: 'ieee-p1363' });
  return `${formatName(first.name)} ${first.ttl} RRSIG ${head} ${signature.toString('base64')}`;
}

function dataOf({ data }: DnsRecord): Uint8Array {
  const writer = new DnsWriter();
  switch (data.kind) {
    case 'address':
      return ipToBytes(data.address);
    case 'name':
      return writer.name(data.target, false).finish();
    case 'opaque':
      return data.bytes;
    case 'soa': {
      const { mname, rname, serial, refresh, retry, expire, minimum } = data;
      writer.name(mname, false).name(rname, false).u32(serial).u32(refresh).u32(retry);
      return writer.u32(expire).u32(minimum).finish();
    }
    default:
      throw new TypeError(`records with ${data.kind} are not signed here`);
  }
}

/** RFC 4034 appendix B. */
function keyTag(key: DnsRecord): number {
  const sum = dataOf(key).reduce((total, byte, i) => total + (i % 2 === 0 ? byte << 8 : byte), 0);
  return (sum + (sum >> 16)) & 0xffff;
}
