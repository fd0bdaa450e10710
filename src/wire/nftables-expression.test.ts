import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { NetlinkDecodeError, NetlinkWriter } from './netlink.ts';
import type { FieldKind, Schema } from './netlink-schema.ts';
import {
  decodeExpressions,
  EXPRESSIONS,
  type Expression,
  type ExpressionName,
  encodeExpressions,
} from './nftables-expression.ts';

function arbitraryOf(kind: FieldKind | Schema): fc.Arbitrary<unknown> {
  switch (kind) {
    case 'u8':
      return fc.nat(0xff);
    case 'be16':
      return fc.nat(0xffff);
    case 'be32':
      return fc.integer({ min: 0, max: 0xffffffff });
    case 'be64':
      return fc.bigInt({ min: 0n, max: (1n << 64n) - 1n });
    case 'string':
      return fc.stringMatching(/^[a-z-]{0,20}$/);
    case 'bytes':
      return fc.uint8Array({ maxLength: 40 });
    case 'flag':
      return fc.constant(true);
    default:
      return fieldsOf(kind);
  }
}

/** Any values for any of a schema's fields. */
function fieldsOf(schema: Schema): fc.Arbitrary<Record<string, unknown>> {
  const fields = Object.entries(schema).map(([field, [, kind]]) => [field, arbitraryOf(kind)] as const);
  return fc.record(Object.fromEntries(fields), { requiredKeys: [], noNullPrototype: true });
}

const anyExpression = fc
  .constantFrom(...(Object.keys(EXPRESSIONS) as ExpressionName[]))
  .chain((name) => fieldsOf(EXPRESSIONS[name]).map((fields): Expression => ({ name, ...fields })));

test('decodeExpressions() reads every expression that encodeExpressions() writes', () => {
  fc.assert(
    fc.property(fc.array(anyExpression, { maxLength: 8 }), (expressions) => {
      const writer = new NetlinkWriter(16);
      encodeExpressions(writer, expressions);
      assert.deepEqual(decodeExpressions(writer.bytes()), expressions);
    }),
    { numRuns: 500 },
  );
});

test('decodeExpressions() throws nothing but NetlinkDecodeError', () => {
  fc.assert(
    fc.property(fc.array(anyExpression), fc.nat(), fc.nat(255), (expressions, at, byte) => {
      const writer = new NetlinkWriter();
      encodeExpressions(writer, expressions);
      const damaged = Uint8Array.from(writer.bytes());
      if (damaged.length > 0) damaged[at % damaged.length] = byte;
      try {
        decodeExpressions(damaged);
      } catch (error) {
        assert.ok(error instanceof NetlinkDecodeError, String(error));
      }
    }),
    { numRuns: 500 },
  );
});

test('decodeExpressions() keeps the name of an expression it does not know', () => {
  const writer = new NetlinkWriter();
  writer.nested(1, () => writer.attributeString(1, 'xfrm'));
  assert.deepEqual(decodeExpressions(writer.bytes()), [{ name: 'unknown', kind: 'xfrm' }]);
});
