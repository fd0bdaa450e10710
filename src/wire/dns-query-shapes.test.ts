import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { CLASS_IN, decodeMessage, encodeQuery, HeaderFlag, Opcode, RecordType } from './dns.ts';
import { respondEmpty } from './dns-answer.ts';
import { readPlainQuery } from './dns-plain-query.ts';
import { readQuery } from './dns-query.ts';

const FORMERR = 1;
const QUESTION = { name: ['a', 'test'], type: RecordType.A, class: CLASS_IN };
const EDNS = { udpSize: 1232, extendedRcode: 0, version: 0, dnssecOk: true };

function withOption(code: number, contents: string): Buffer {
  const query = encodeQuery(7, QUESTION, HeaderFlag.RD, EDNS);
  const data = Buffer.from(contents, 'hex');
  const option = Buffer.alloc(4 + data.length);
  option.writeUInt16BE(code, 0);
  option.writeUInt16BE(data.length, 2);
  data.copy(option, 4);
  query.writeUInt16BE(option.length, query.length - 2);
  return Buffer.concat([query, option]);
}

function rcodeOf(message: Buffer): number | undefined {
  const read = readQuery(message);
  return 'rejected' in read ? read.rcode : 0;
}

function isPlain(message: Buffer): boolean {
  const into = { nameEnd: 0, questionEnd: 0, type: 0, hash: 0, hasEdns: false, udpSize: 0, dnssecOk: false };
  return readPlainQuery(message, 0, message.length, 1, into);
}

for (const [what, code, contents, good] of [
  ['a client subnet', 8, '000118000a0b0c', true],
  ['a client subnet cut off', 8, '0001', false],
  ['a client subnet of 33 bits of IPv4', 8, '00012100', false],
  ['a client subnet of no known family', 8, '00091800aabb', false],
  ['a client subnet of no family', 8, '00000000', true],
  ['a keepalive of 3 bytes', 11, '006401', false],
  ['a keepalive', 11, '', true],
  ['an extended error of 1 byte', 15, '00', false],
  ['a lease of 1 byte', 2, '00', false],
  ['an expire of 1 byte', 9, '01', false],
  ['a cookie of any length', 10, '0102', true],
] as const) {
  test(`readQuery() ${good ? 'takes' : 'answers FORMERR to'} ${what}`, () => {
    assert.equal(rcodeOf(withOption(code, contents)), good ? 0 : FORMERR);
  });
}

test('readPlainQuery() takes no query whose options readQuery() refuses', () => {
  fc.assert(
    fc.property(fc.nat({ max: 20 }), fc.uint8Array({ maxLength: 24 }), (code, contents) => {
      const message = withOption(code, Buffer.from(contents).toString('hex'));
      assert.ok(!isPlain(message) || rcodeOf(message) === 0);
    }),
  );
});

test('readQuery() takes a query whose counts promise records behind its end', () => {
  const query = encodeQuery(7, QUESTION, HeaderFlag.RD);
  for (const offset of [6, 8, 10]) {
    const promising = Buffer.from(query);
    promising.writeUInt16BE(1, offset);
    const read = readQuery(promising);
    // It may be sent on, so it has to be a sound message.
    assert.ok(!('rejected' in read) && read.message.equals(query));
    assert.equal(rcodeOf(Buffer.concat([promising, Buffer.of(0)])), FORMERR);
  }
});

test('a response to an unknown EDNS version does not repeat DO', () => {
  const response = decodeMessage(respondEmpty(encodeQuery(7, QUESTION, 0, EDNS), 24, 16, EDNS));
  assert.equal((response.additionals[0]?.ttl ?? 0) & 0x8000, 0);
});

test('a response to a notification does not repeat RD', () => {
  const notify = encodeQuery(7, QUESTION, HeaderFlag.RD | HeaderFlag.CD);
  notify.writeUInt16BE(notify.readUInt16BE(2) | (Opcode.NOTIFY << 11), 2);
  const response = respondEmpty(notify, notify.length, 0, undefined, HeaderFlag.AA);
  assert.equal(response.readUInt16BE(2), 0x8000 | (Opcode.NOTIFY << 11) | HeaderFlag.AA);
});
