import {
  CLASS_IN,
  type DnsRecord,
  encodeMessage,
  encodeQuery,
  HeaderFlag,
  parseName,
  RecordType,
} from '#wire/dns.ts';

/** Names that the fuzzed server answers in every way that it has: records, none, another server's, refused. */
const NAMES = [
  'web.default.svc.cluster.local',
  'WEB.Default.svc.CLUSTER.local',
  'many.default.svc.cluster.local',
  'outside.default.svc.cluster.local',
  'missing.default.svc.cluster.local',
  '_http._tcp.web.default.svc.cluster.local',
  '10-1-2-3.default.pod.cluster.local',
  'dns-version.cluster.local',
  'cluster.local',
  '7.0.96.10.in-addr.arpa',
  'www.example.org',
  'x'.repeat(63),
  '.',
];
const TYPES = [...Object.values(RecordType), 0, 65, 255, 0xffff];

/** Good queries of every kind that there is, to be spoilt. */
export function queries(): Buffer[] {
  const all = NAMES.flatMap((text) =>
    TYPES.flatMap((type) => {
      const question = { name: parseName(text) ?? [], type, class: CLASS_IN };
      const edns = { extendedRcode: 0, version: 0 };
      return [
        encodeQuery(0, question, HeaderFlag.RD),
        encodeQuery(0, question, HeaderFlag.RD, { ...edns, udpSize: 1232, dnssecOk: true }),
        encodeQuery(0, question, HeaderFlag.CD, { ...edns, udpSize: 65_535, dnssecOk: false }),
      ];
    }),
  );
  return [...all, withOptions()];
}

/** A query with a cookie, a client subnet and padding. */
function withOptions(): Buffer {
  const query = encodeQuery(
    0,
    { name: ['www', 'example', 'org'], type: RecordType.A, class: CLASS_IN },
    HeaderFlag.RD,
    {
      udpSize: 4096,
      extendedRcode: 0,
      version: 0,
      dnssecOk: false,
    },
  );
  const options = Buffer.from('000a00080102030405060708000800070001180050c0a8000c000400000000', 'hex');
  query.writeUInt16BE(options.length, query.length - 2);
  return Buffer.concat([query, options]);
}

/** What an upstream server may answer, with every shape of data that is decoded. */
export function responses(): Buffer[] {
  const name = ['www', 'example', 'org'];
  const record = (type: number, data: DnsRecord['data'], ttl = 60): DnsRecord => ({
    name,
    type,
    class: CLASS_IN,
    ttl,
    data,
  });
  const a = record(RecordType.A, { kind: 'address', address: '192.0.2.1' });
  const soa = record(RecordType.SOA, {
    kind: 'soa',
    mname: ['ns', ...name],
    rname: ['host', ...name],
    serial: 1,
    refresh: 2,
    retry: 3,
    expire: 4,
    minimum: 5,
  });
  const sets: { rcode: number; answers: DnsRecord[]; authorities: DnsRecord[] }[] = [
    { rcode: 0, answers: [a], authorities: [] },
    { rcode: 0, answers: Array.from({ length: 200 }, () => a), authorities: [] },
    { rcode: 3, answers: [], authorities: [soa] },
    {
      rcode: 0,
      answers: [record(RecordType.CNAME, { kind: 'name', target: ['x', ...name] }, 0), a],
      authorities: [soa],
    },
    {
      rcode: 0,
      answers: [record(RecordType.SRV, { kind: 'srv', priority: 1, weight: 2, port: 3, target: name })],
      authorities: [],
    },
    {
      rcode: 0,
      answers: [record(RecordType.TXT, { kind: 'text', texts: ['a', 'b'.repeat(255)] })],
      authorities: [],
    },
    {
      rcode: 0,
      answers: [record(RecordType.MX, { kind: 'mx', preference: 1, exchange: name })],
      authorities: [],
    },
    { rcode: 2, answers: [], authorities: [] },
  ];
  return sets.map((set) =>
    encodeMessage({
      ...set,
      id: 0,
      flags: HeaderFlag.QR | HeaderFlag.RD | HeaderFlag.RA,
      opcode: 0,
      questions: [{ name, type: RecordType.A, class: CLASS_IN }],
      additionals: [],
    }),
  );
}
