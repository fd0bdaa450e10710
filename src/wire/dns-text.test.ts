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
