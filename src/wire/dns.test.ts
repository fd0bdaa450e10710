import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import {
  CLASS_IN,
  type DnsData,
  DnsFormatError,
  type DnsMessage,
  type DnsRecord,
  decodeMessage,
  ednsOf,
  ednsRecord,
  encodeMessage,
  encodeQuery,
  formatName,
  HeaderFlag,
  isWireName,
  parseName,
  RecordType,
  typeName,
  typeNumber,
} from './dns.ts';

const label = fc.string({
  unit: fc.constantFrom(...'abcXYZ019-_.\\ \x00\xff'.split('')),
  minLength: 1,
  maxLength: 20,
});
const name = fc.array(label, { maxLength: 8 }).filter(isWireName);
const u16 = fc.nat(0xffff);
const u32 = fc.nat(0xffffffff);
const ipv4 = fc
  .ipV4()
  .map((address) => ({ type: RecordType.A, data: { kind: 'address' as const, address } }));

const typedData: fc.Arbitrary<{ type: number; data: DnsData }> = fc.oneof(
  ipv4,
  fc.record({
    type: fc.constantFrom(RecordType.CNAME, RecordType.PTR, RecordType.NS),
    data: fc.record({ kind: fc.constant('name' as const), target: name }),
  }),
  fc.record({
    type: fc.constant(RecordType.SRV),
    data: fc.record({
      kind: fc.constant('srv' as const),
      priority: u16,
      weight: u16,
      port: u16,
      target: name,
    }),
  }),
  fc.record({
    type: fc.constant(RecordType.MX),
    data: fc.record({ kind: fc.constant('mx' as const), preference: u16, exchange: name }),
  }),
  fc.record({
    type: fc.constant(RecordType.TXT),
    data: fc.record({ kind: fc.constant('text' as const), texts: fc.array(label, { maxLength: 4 }) }),
  }),
  fc.record({
    type: fc.constant(RecordType.SOA),
    data: fc.record({
      kind: fc.constant('soa' as const),
      mname: name,
      rname: name,
      serial: u32,
      refresh: u32,
      retry: u32,
      expire: u32,
      minimum: u32,
    }),
  }),
);
const record: fc.Arbitrary<DnsRecord> = fc
  .record({ name, ttl: u32, typed: typedData })
  .map(({ name, ttl, typed }) => ({ name, ttl, class: CLASS_IN, ...typed }));
const section = fc.array(record, { maxLength: 5 });
const message: fc.Arbitrary<DnsMessage> = fc.record({
  id: u16,
  flags: fc.constantFrom(0, HeaderFlag.RD, HeaderFlag.QR | HeaderFlag.AA, HeaderFlag.TC | HeaderFlag.CD),
  opcode: fc.nat(15),
  rcode: fc.nat(15),
  questions: fc.array(fc.record({ name, type: u16, class: u16 }), { maxLength: 2 }),
  answers: section,
  authorities: section,
  additionals: section,
});

test('decodeMessage() reads back whatever encodeMessage() wrote', () => {
  fc.assert(
    fc.property(message, (value) => {
      assert.deepEqual(decodeMessage(encodeMessage(value)), structuredClone(value));
    }),
  );
});

test('decodeMessage() throws nothing but DnsFormatError for any bytes', () => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    fc.tuple(message, fc.nat(400), fc.nat(255)).map(([value, at, byte]) => {
      const encoded = encodeMessage(value);
      encoded[at % encoded.length] = byte;
      return new Uint8Array(encoded);
    }),
  );
  fc.assert(
    fc.property(bytes, (value) => {
      try {
        decodeMessage(value);
      } catch (error) {
        assert.ok(error instanceof DnsFormatError);
      }
    }),
    { numRuns: 2000 },
  );
});

test('encodeMessage() writes a name once and points to it afterwards', () => {
  const owner = ['web', 'default', 'svc', 'cluster', 'local'];
  const answer = {
    name: owner,
    type: RecordType.A,
    class: CLASS_IN,
    ttl: 30,
    data: { kind: 'address' as const, address: '10.96.0.1' },
  };
  const query = encodeQuery(1, { name: owner, type: RecordType.A, class: CLASS_IN }, 0);
  const bytes = encodeMessage({ ...decodeMessage(query), answers: [answer] });
  assert.equal(bytes.length, query.length + 16);
  assert.equal(bytes.readUInt16BE(query.length), 0xc00c);
});

test('parseName() and formatName() agree on names with any characters', () => {
  fc.assert(
    fc.property(name, (value) => {
      assert.deepEqual(parseName(formatName(value)), value);
    }),
  );
  assert.deepEqual(parseName('a\\.b.c\\032.'), ['a.b', 'c ']);
  assert.equal(parseName('a..b'), undefined);
  assert.equal(parseName('x'.repeat(64)), undefined);
});

test('ednsOf() reads what ednsRecord() says', () => {
  const edns = { udpSize: 1232, extendedRcode: 1, version: 0, dnssecOk: true };
  assert.deepEqual(ednsOf(ednsRecord(edns)), edns);
});

test('typeNumber() knows names and TYPE numbers', () => {
  assert.equal(typeNumber('aaaa'), 28);
  assert.equal(typeNumber('TYPE65'), 65);
  assert.equal(typeNumber('nonsense'), undefined);
  assert.equal(typeName(65), 'HTTPS');
  assert.equal(typeName(6500), 'TYPE6500');
});
