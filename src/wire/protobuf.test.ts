import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { ProtobufError, ProtobufWriter, readFields } from './protobuf.ts';

test('readFields() reads the example of the encoding guide', () => {
  const [field] = readFields(Uint8Array.of(0x08, 0x96, 0x01));
  assert.deepEqual([field?.number, field?.wireType, field?.varint], [1, 0, 150n]);
});

test('readFields() gives back what ProtobufWriter wrote', () => {
  const number = fc.integer({ min: 1, max: 500_000 });
  fc.assert(
    fc.property(
      number,
      fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }),
      fc.uint8Array(),
      fc.string({ unit: 'binary' }),
      (at, varint, bytes, text) => {
        const message = new ProtobufWriter()
          .varint(at, varint)
          .bytes(at + 1, bytes)
          .string(at + 2, text)
          .double(at + 3, 0.5)
          .float(at + 4, 0.5)
          .varint(at + 5, true)
          .finish();
        const fields = readFields(message);
        assert.deepEqual(
          fields.map((field) => field.number - at),
          [0, 1, 2, 3, 4, 5],
        );
        assert.equal(fields[0]?.varint, BigInt.asUintN(64, varint));
        assert.deepEqual(Buffer.from(fields[1]?.bytes ?? []), Buffer.from(bytes));
        assert.deepEqual(Buffer.from(fields[2]?.bytes ?? []), Buffer.from(text, 'utf8'));
        assert.equal(Buffer.from(fields[3]?.bytes ?? []).readDoubleLE(), 0.5);
        assert.equal(Buffer.from(fields[4]?.bytes ?? []).readFloatLE(), 0.5);
      },
    ),
  );
});

test('a negative number takes ten bytes', () => {
  assert.equal(new ProtobufWriter().varint(1, -1).finish().length, 11);
});

test('readFields() throws nothing but ProtobufError on any bytes', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
      try {
        readFields(bytes);
      } catch (error) {
        assert.ok(error instanceof ProtobufError, String(error));
      }
    }),
    { numRuns: 1000 },
  );
});

const BAD: readonly [string, number[], RegExp][] = [
  ['a message cut inside a varint', [0x08, 0x80], /ends inside a varint/],
  ['a varint without end', [0x08, ...Array.from({ length: 11 }, () => 0x80)], /longer than ten bytes/],
  ['a length beyond the message', [0x0a, 0x05, 1], /5 bytes with 1 bytes left/],
  ['a fixed field cut short', [0x09, 1, 2], /ends inside a field/],
  ['a group', [0x0b], /wire type 3/],
  ['field number 0', [0x00, 0x00], /out of range/],
];
for (const [what, bytes, message] of BAD) {
  test(`readFields() refuses ${what}`, () =>
    assert.throws(() => readFields(Uint8Array.from(bytes)), message));
}
