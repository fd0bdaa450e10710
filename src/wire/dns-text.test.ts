import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { formatName, RecordType } from './dns.ts';
import { decodeRecord, encodeRecord } from './dns-record.ts';
import { parseRecord, parseTtl, RecordTextError, splitTokens } from './dns-text.ts';
import { DnsWriter } from './dns-writer.ts';

const CASES: readonly [text: string, data: unknown][] = [
  ['a.example. 60 IN A 192.0.2.1', { kind: 'address', address: '192.0.2.1' }],
  ['a.example. IN 60 AAAA 2001:DB8::1', { kind: 'address', address: '2001:db8::1' }],
  ['a.example. CNAME b', { kind: 'name', target: ['b', 'zone', 'test'] }],
  ['@ MX 10 mx.example.', { kind: 'mx', preference: 10, exchange: ['mx', 'example'] }],
  ['a SRV 1 2 3 @', { kind: 'srv', priority: 1, weight: 2, port: 3, target: ['zone', 'test'] }],
  ['a TXT "one two" three \\"', { kind: 'text', texts: ['one two', 'three', '"'] }],
  ['a TYPE65280 \\# 3 0102ff', { kind: 'opaque', bytes: Buffer.from('0102ff', 'hex') }],
  [
    'a DNAME b.example.',
    { kind: 'opaque', bytes: Uint8Array.from(Buffer.from('\x01b\x07example\0', 'latin1')) },
  ],
  [
    'a CAA 0 issue "ca.test"',
    { kind: 'opaque', bytes: Uint8Array.from(Buffer.from('\0\x05issueca.test', 'latin1')) },
  ],
];

for (const [text, data] of CASES) {
  test(`parseRecord() reads ${text}`, () => {
    assert.deepEqual(parseRecord(text, { origin: ['zone', 'test'], ttl: 5 }).data, data);
  });
}

/** Data as bytes, as CoreDNS has them of the same lines of a zone file. */
const OPAQUE: readonly [text: string, hex: string][] = [
  ['HINFO "a" b', '01610162'],
  ['RP m.a. t.a.', '016d0161000174016100'],
  ['AFSDB 1 x.', '0001017800'],
  ['LOC 42 21 54 N 71 06 18 W -24m 30m', '0033161389172dd070be15f000988d20'],
  ['LOC 52 22 23.000 N 4 53 32.000 E -2.00m 0.00m 10000m 10m', '000016138b3cf018810cbce0009895b8'],
  ['LOC 52 N 4 E 0m', '001216138b28720080dbba0000989680'],
  [
    'NAPTR 100 10 "u" "E2U+sip" "!^.*$!sip:x@y!" .',
    '0064000a0175074532552b7369700e215e2e2a24217369703a7840792100',
  ],
  ['KX 10 y.', '000a017900'],
  ['CERT 1 2 8 AwEAAag=', '000100020803010001a8'],
  ['SSHFP 1 1 ABCD', '0101abcd'],
  [
    'RRSIG A 8 3 300 20260131120000 20260101120000 12345 a. AAAAAAAA',
    '000108030000012c697deec0695661c03039016100000000000000',
  ],
  [
    'NSEC w.a. A NS SOA MX TXT AAAA RRSIG NSEC DNSKEY TYPE1234',
    '0177016100000762018008000380041b000000000000000000000000000000000000000000000000000020',
  ],
  ['DNSKEY 257 3 8 AwEAAag=', '0101030803010001a8'],
  [
    'NSEC3 1 1 12 aabbccdd 2vptu5timamqttgl4luu9kg21e0aor3s A RRSIG',
    '0101000c04aabbccdd1417f3df17b2b2adaef615257de4d2020b80ac6c7c0006400000000002',
  ],
  ['NSEC3PARAM 1 0 12 -', '0100000c00'],
  ['TLSA 3 1 1 ABCD', '030101abcd'],
  ['SMIMEA 3 1 1 ABCD', '030101abcd'],
  ['OPENPGPKEY AwEA Aag=', '03010001a8'],
  ['CSYNC 66 3 A NS AAAA', '000000420003000460000008'],
  ['ZONEMD 5 1 1 c680', '000000050101c680'],
  [
    'HTTPS 1 . alpn="h2,h3" port=8443 no-default-alpn ipv4hint=192.0.2.1 ipv6hint=2001:db8::1 ech=AwEAAag= key65333=hello',
    '00010000010006026832026833000200000003000220fb00040004c00002010005000503010001a80006001020010db8000000000000000000000001ff35000568656c6c6f',
  ],
  ['SVCB 16 foo. mandatory=alpn alpn=h2', '001003666f6f0000000002000100010003026832'],
  ['SVCB 1 . dohpath=/dns-query{?dns}', '000100000700102f646e732d71756572797b3f646e737d'],
  ['URI 10 1 "ftp://x"', '000a00016674703a2f2f78'],
];

for (const [text, hex] of OPAQUE) {
  test(`parseRecord() makes bytes of ${text}`, () => {
    const { data } = parseRecord(`x. 1 IN ${text}`);
    assert.equal(data.kind === 'opaque' && Buffer.from(data.bytes).toString('hex'), hex);
  });
}

for (const [text, problem] of [
  ['a.example. 60 IN A not-an-ip', /no IPv4 address/],
  ['a.example. A ::1', /no IPv4 address/],
  ['a.example. 60 IN WHAT x', /no type WHAT/],
  ['a.example. 60 IN', /type is missing/],
  ['a.example. MX 70000 x', /preference is 70000/],
  ['a.example. A 1.2.3.4 5', /5 is more/],
  ['a.example. CH TXT x', /only IN/],
  ['a..example. A 1.2.3.4', /no domain name/],
  ['a TXT "open', /no closing/],
  ['a. DS 1 2 3 xyz', /the digest is not in hex/],
  ['a. RRSIG A 8 3 300 soon 0 1 a. AA==', /the expiration is soon, no time/],
  ['a. NSEC b. A WHAT', /there is no type WHAT/],
  ['a. NSEC3PARAM 1 0 12 abc', /the salt abc is not in hex/],
  ['a. NSEC3 1 1 12 - !! A', /the next hash !! is not in base32/],
  ['a. HTTPS 1 . nope=1', /there is no parameter nope/],
  ['a. HTTPS 1 . port=x', /port is x, not a port/],
  ['a. HTTPS 1 . port=1 port=2', /port is there twice/],
  ['a. HTTPS 1 . alpn', /alpn needs a value/],
  ['a. HTTPS 1 . no-default-alpn=1', /no-default-alpn takes no value/],
  ['a. HTTPS 1 . ipv4hint=::1', /::1 is no IPv4 address/],
  ['a. LOC 91 N 4 E 0m', /the latitude is 91/],
  ['a. LOC 52 1 2 3 N 4 E 0m', /the latitude is 3, not such as 52 22 23.000 N/],
  ['a. LOC 52 N 4 E high', /the altitude is high, no length/],
  ['a. APL 1:192.0.2.0/24', /its data has to be written as/],
] as const) {
  test(`parseRecord() refuses ${text}`, () => {
    assert.throws(() => parseRecord(text), problem);
  });
}

test('parseRecord() throws nothing but RecordTextError', () => {
  const word = fc.constantFrom(
    'a',
    '60',
    'IN',
    'A',
    'TXT',
    'SOA',
    '"',
    '\\#',
    '1',
    'CAA',
    'HTTPS',
    'LOC',
    'NSEC3',
    'RRSIG',
    'alpn=h2',
    'N',
    'ff',
    '\\0',
    '\\300',
    ';',
    '@',
    'MX',
  );
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.array(word).map((words) => words.join(' ')),
      ),
      (text) => {
        try {
          const writer = new DnsWriter();
          const record = parseRecord(text);
          encodeRecord(writer, record);
          assert.equal(formatName(decodeRecord(writer.finish(), 0).record.name), formatName(record.name));
        } catch (error) {
          assert.ok(error instanceof RecordTextError, String(error));
        }
      },
    ),
  );
});

test('parseTtl() reads seconds and units', () => {
  assert.deepEqual(['60', '1h30m', '2W', '', 'x', '99999999999'].map(parseTtl), [
    60,
    5400,
    1_209_600,
    undefined,
    undefined,
    undefined,
  ]);
});

test('splitTokens() keeps quoted text together and drops comments', () => {
  assert.deepEqual(
    splitTokens('a "b ; c" d ; e').map(({ text }) => text),
    ['a', 'b ; c', 'd'],
  );
  assert.equal(parseRecord('x. 1 IN TXT "\\065"').type, RecordType.TXT);
});
