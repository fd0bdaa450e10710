import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import {
  decodeAck,
  decodeAttributeList,
  decodeAttributes,
  decodeMessages,
  MAX_ATTRIBUTE_SIZE,
  NetlinkDecodeError,
  NetlinkEncodeError,
  NetlinkWriter,
  NLMSG_DONE,
  NLMSG_ERROR,
} from './netlink.ts';

/** Bytes that might be taken for messages: plausible lengths make the decoder go deeper. */
const almostMessages = fc
  .array(fc.tuple(fc.nat(40), fc.nat(40), fc.uint8Array({ maxLength: 40 })))
  .map((parts) =>
    Uint8Array.from(parts.flatMap(([length, type, bytes]) => [length, 0, 0, 0, type, 0, 0, 0, ...bytes])),
  );
const anyBytes = fc.oneof(fc.uint8Array({ maxLength: 200 }), almostMessages);

/** Runs a decoder on any bytes; only its own error may come out. */
function neverThrowsAnything(decode: (bytes: Uint8Array) => unknown): void {
  fc.assert(
    fc.property(anyBytes, (bytes) => {
      try {
        decode(bytes);
      } catch (error) {
        assert.ok(error instanceof NetlinkDecodeError, String(error));
      }
    }),
    { numRuns: 500 },
  );
}

describe('NetlinkWriter', () => {
  test('writes messages that decodeMessages() takes apart again', () => {
    const attributes = fc.array(
      fc.tuple(fc.integer({ min: 1, max: 0x3fff }), fc.uint8Array({ maxLength: 100 })),
    );
    const messages = fc.array(fc.tuple(fc.nat(0xffff), fc.nat(0xffff), fc.nat(), attributes));
    fc.assert(
      fc.property(messages, fc.integer({ min: 1, max: 64 }), (list, capacity) => {
        const writer = new NetlinkWriter(capacity);
        for (const [type, flags, sequence, entries] of list) {
          const start = writer.beginMessage(type, flags, sequence);
          for (const [attribute, bytes] of entries) writer.attribute(attribute, bytes);
          writer.endMessage(start);
        }
        const decoded = decodeMessages(writer.bytes()).map(({ type, flags, sequence, payload }) => {
          return [
            type,
            flags,
            sequence,
            decodeAttributeList(payload).map(([n, bytes]) => [n, Uint8Array.from(bytes)]),
          ];
        });
        assert.deepEqual(decoded, list);
      }),
    );
  });

  test('writes every kind of attribute so that it reads back, nested ones too', () => {
    const writer = new NetlinkWriter(1);
    writer.nested(1, () => {
      writer.attributeU8(1, 200);
      writer.attributeU16(2, 60_000);
      writer.attributeU32(3, 4_000_000_000);
      writer.attributeBe16(4, 60_000);
      writer.attributeBe32(5, 4_000_000_000);
      writer.attributeBe64(6, 1n << 63n);
      writer.attributeString(7, 'größer');
      writer.flag(8);
    });
    const inner = decodeAttributes(writer.bytes()).nested(1);
    assert.ok(inner !== undefined);
    assert.deepEqual(
      [inner.u8(1), inner.u16(2), inner.u32(3), inner.be16(4), inner.be32(5), inner.be64(6), inner.string(7)],
      [200, 60_000, 4_000_000_000, 60_000, 4_000_000_000, 1n << 63n, 'größer'],
    );
    assert.ok(inner.has(8) && !inner.has(9));
    assert.equal(inner.u32(1), undefined);
    assert.equal(inner.nested(9), undefined);
  });

  test('refuses an attribute that does not fit its length field', () => {
    const writer = new NetlinkWriter();
    writer.attribute(1, new Uint8Array(MAX_ATTRIBUTE_SIZE - 4));
    assert.throws(() => writer.attribute(2, new Uint8Array(MAX_ATTRIBUTE_SIZE - 3)), NetlinkEncodeError);
  });

  test('truncate() and addFlags() change what was written', () => {
    const writer = new NetlinkWriter();
    writer.endMessage(writer.beginMessage(1, 1, 1));
    const length = writer.length;
    writer.endMessage(writer.beginMessage(2, 1, 2));
    writer.truncate(length);
    writer.addFlags(0, 4);
    assert.deepEqual(
      decodeMessages(writer.bytes()).map(({ type, flags }) => [type, flags]),
      [[1, 5]],
    );
  });
});

describe('decoders', () => {
  test('decodeMessages() throws nothing but NetlinkDecodeError', () => neverThrowsAnything(decodeMessages));
  test('decodeAttributes() throws nothing but NetlinkDecodeError', () =>
    neverThrowsAnything(decodeAttributes));
  test('decodeAck() throws nothing but NetlinkDecodeError', () => {
    neverThrowsAnything((payload) => decodeAck({ type: NLMSG_ERROR, flags: 0x300, sequence: 1, payload }));
    neverThrowsAnything((payload) => decodeAck({ type: NLMSG_ERROR, flags: 0x200, sequence: 1, payload }));
    neverThrowsAnything((payload) => decodeAck({ type: NLMSG_DONE, flags: 0, sequence: 1, payload }));
  });

  test('decodeMessages() says where lengths do not add up', () => {
    assert.throws(() => decodeMessages(new Uint8Array(10)), /header cut off at byte 0/);
    assert.throws(
      () => decodeMessages(Uint8Array.from([200, ...Array<number>(15).fill(0)])),
      /claims 200 of 16 bytes/,
    );
  });

  test('decodeAck() reads the errno and the explanation of a refusal', () => {
    const writer = new NetlinkWriter();
    writer.u32(-17 >>> 0);
    writer.zeros(16);
    writer.attributeString(1, 'Address already assigned');
    writer.attributeU32(2, 24);
    const ack = decodeAck({ type: NLMSG_ERROR, flags: 0x300, sequence: 7, payload: writer.bytes() });
    assert.deepEqual(ack, { errno: 17, sequence: 7, explanation: 'Address already assigned', offset: 24 });
  });
});
