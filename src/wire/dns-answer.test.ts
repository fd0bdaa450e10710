import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { CLASS_IN, type DnsRecord, decodeMessage, encodeQuery, HeaderFlag, RecordType } from './dns.ts';
import { prepareAnswer, respond } from './dns-answer.ts';
import { type DnsQuery, questionLabels, readQuery } from './dns-query.ts';
import { DnsFrameReader, frameMessage } from './dns-tcp.ts';

const NAME = ['web', 'default', 'svc', 'cluster', 'local'];

function query(name: readonly string[], udpSize?: number): DnsQuery {
  const edns = udpSize === undefined ? undefined : { udpSize, extendedRcode: 0, version: 0, dnssecOk: false };
  const read = readQuery(encodeQuery(7, { name, type: RecordType.A, class: CLASS_IN }, HeaderFlag.RD, edns));
  assert.ok(!('rejected' in read));
  return read;
}

function addresses(count: number): DnsRecord[] {
  return Array.from({ length: count }, (_, i) => ({
    name: NAME,
    type: RecordType.A,
    class: CLASS_IN,
    ttl: 30,
    data: { kind: 'address', address: `10.0.${i >> 8}.${i & 255}` },
  }));
}

function prepared(count: number) {
  return prepareAnswer(NAME, { rcode: 0, answers: addresses(count), authorities: [], additionals: [] });
}

test('respond() keeps the case of the question in the names of a prepared answer', () => {
  const mixed = ['WeB', 'default', 'SVC', 'cluster', 'LOCAL'];
  const response = decodeMessage(respond(query(mixed), prepared(1), HeaderFlag.AA, 512));
  assert.deepEqual(response.answers[0]?.name, mixed);
  assert.equal(response.flags, HeaderFlag.QR | HeaderFlag.AA | HeaderFlag.RD);
});

test('respond() serves addresses in turn', () => {
  const answer = prepared(3);
  const firsts = [1, 2, 3, 4].map(() => decodeMessage(respond(query(NAME), answer, 0, 512)).answers[0]?.data);
  assert.equal(new Set(firsts.map((data) => JSON.stringify(data))).size, 3);
  assert.deepEqual(firsts[3], firsts[0]);
});

test('respond() never exceeds the limit, says so with TC, and keeps OPT', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 200 }),
      fc.integer({ min: 512, max: 4096 }),
      fc.boolean(),
      (count, limit, edns) => {
        const bytes = respond(query(NAME, edns ? limit : undefined), prepared(count), 0, limit);
        const message = decodeMessage(bytes);
        assert.ok(bytes.length <= limit);
        assert.equal((message.flags & HeaderFlag.TC) !== 0, message.answers.length < count);
        assert.equal(message.additionals.length, edns ? 1 : 0);
      },
    ),
  );
});

test('readQuery() never throws, whatever the bytes', () => {
  const valid = encodeQuery(7, { name: NAME, type: RecordType.A, class: CLASS_IN }, HeaderFlag.RD);
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 100 }),
    fc.tuple(fc.nat(valid.length - 1), fc.nat(255)).map(([at, byte]) => {
      const copy = Buffer.from(valid);
      copy[at] = byte;
      return copy;
    }),
  );
  fc.assert(
    fc.property(bytes, (value) => {
      const read = readQuery(Buffer.from(value));
      if ('rejected' in read) assert.ok(read.questionEnd <= Math.max(12, value.length));
      else questionLabels(read);
    }),
    { numRuns: 2000 },
  );
});

test('readQuery() takes a question that ends behind its name or its type for one of class 0', () => {
  const whole = encodeQuery(7, { name: NAME, type: RecordType.AAAA, class: CLASS_IN }, 0);
  for (const [cut, type] of [
    [2, RecordType.AAAA],
    [4, 0],
  ] as const) {
    const read = readQuery(whole.subarray(0, whole.length - cut));
    assert.ok(!('rejected' in read));
    assert.deepEqual([read.type, read.class, read.message.length], [type, 0, whole.length]);
  }
  assert.ok('rejected' in readQuery(whole.subarray(0, whole.length - 3)));
});

test('the key of a query takes letters of ASCII as equal, and no other bytes, types least of all', () => {
  const key = (name: string[], type: number): string => {
    const read = readQuery(encodeQuery(7, { name, type, class: CLASS_IN }, 0));
    assert.ok(!('rejected' in read));
    return read.key;
  };
  assert.equal(key(['WeB', 'Example'], 1), key(['web', 'example'], 1));
  assert.notEqual(key(['web'], 0x41), key(['web'], 0x61));
  assert.notEqual(key(['\xc0'], 1), key(['\xe0'], 1));
});

test('DnsFrameReader puts messages together however they are cut', () => {
  const messages = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 5 });
  fc.assert(
    fc.property(messages, fc.integer({ min: 1, max: 7 }), (sent, size) => {
      const stream = Buffer.concat(sent.map(frameMessage));
      const reader = new DnsFrameReader();
      const got: Buffer[] = [];
      for (let at = 0; at < stream.length; at += size)
        got.push(...reader.push(stream.subarray(at, at + size)));
      assert.deepEqual(
        got.map((message) => [...message]),
        sent.map((message) => [...message]),
      );
    }),
  );
});
