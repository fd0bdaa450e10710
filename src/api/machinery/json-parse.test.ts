import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { JsonSyntaxError, parseJson } from './json-parse.ts';

test('parseJson() reads what JSON.parse reads, to the same value', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.constantFrom(0, 1, 2), (value, indent) => {
      const text = JSON.stringify(value, undefined, indent);
      assert.deepEqual(parseJson(text).value, JSON.parse(text));
    }),
  );
});

test('parseJson() refuses what JSON.parse refuses, with a JsonSyntaxError', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.json(),
        fc.string({ unit: fc.constantFrom(...'{}[]",:0-1.e\\u tfn'.split('')) }),
      ),
      (text) => {
        let expected: unknown = undefined;
        let refused = false;
        try {
          expected = JSON.parse(text);
        } catch {
          refused = true;
        }
        if (refused) assert.throws(() => parseJson(text), JsonSyntaxError);
        else assert.deepEqual(parseJson(text).value, expected);
      },
    ),
    { numRuns: 2000 },
  );
});

test('parseJson() tells each name that stands twice, with its path, and keeps the last value', () => {
  const { value, duplicates } = parseJson('{"a":1,"b":[{"c":1,"c":2}],"a":3,"a":4}');
  assert.deepEqual(duplicates, ['b[0].c', 'a', 'a']);
  assert.deepEqual(value, { a: 4, b: [{ c: 2 }] });
});

test('parseJson() keeps a field called __proto__ a field', () => {
  const { value } = parseJson('{"__proto__":{"x":1}}');
  assert.deepEqual(Object.keys(value as object), ['__proto__']);
  assert.equal((value as { x?: number }).x, undefined);
});

test('parseJson() refuses documents that are nested too deep', () => {
  assert.throws(() => parseJson('['.repeat(100_000)), /exceeded max depth/);
});

test('parseJson() says where the text goes wrong', () => {
  assert.throws(() => parseJson('{"a":tru}'), { offset: 5 });
  assert.throws(() => parseJson('"\\x"'), /in string escape code/);
  assert.throws(() => parseJson('1 2'), /invalid character '2' after top-level value/);
});
