import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import {
  canonicalQuantity,
  compareQuantities,
  parseQuantity,
  quantityMilliValue,
  quantityValue,
} from './quantity.ts';

const CANONICAL: readonly [string, string | undefined][] = [
  ['0', '0'],
  ['0.5', '500m'],
  ['100m', '100m'],
  ['1000m', '1'],
  ['1.5Gi', '1536Mi'],
  ['1024Ki', '1Mi'],
  ['1024', '1024'],
  ['1000', '1k'],
  ['1e3', '1e3'],
  ['1E3', '1e3'],
  ['12e6', '12e6'],
  ['-1.5', '-1500m'],
  ['+2', '2'],
  ['.5', '500m'],
  ['1.', '1'],
  ['0.1n', '1n'],
  ['1Ei', '1Ei'],
  ['1E', '1E'],
  ['0.5Mi', '512Ki'],
  ['0.0005Ki', '512m'],
  ['', undefined],
  ['x', undefined],
  ['1KiB', undefined],
  ['1e', undefined],
  ['--1', undefined],
  ['9'.repeat(200), undefined],
];
for (const [text, canonical] of CANONICAL) {
  test(`canonicalQuantity() of ${JSON.stringify(text.slice(0, 20))} is ${canonical}`, () => {
    assert.equal(canonicalQuantity(text), canonical);
  });
}

test('canonicalQuantity() is settled and keeps the value', () => {
  const text = fc
    .tuple(
      fc.constantFrom('', '-', '+'),
      fc.nat(1_000_000),
      fc.option(fc.nat(9999)),
      fc.constantFrom('', 'm', 'k', 'M', 'Ki', 'Gi', 'u', 'n', 'e3', 'e-3'),
    )
    .map(
      ([sign, whole, fraction, suffix]) =>
        `${sign}${whole}${fraction === null ? '' : `.${fraction}`}${suffix}`,
    );
  fc.assert(
    fc.property(text, (source) => {
      const canonical = canonicalQuantity(source);
      assert.ok(canonical !== undefined);
      assert.equal(canonicalQuantity(canonical), canonical);
      assert.equal(parseQuantity(canonical)?.nano, parseQuantity(source)?.nano);
    }),
  );
});

test('compareQuantities() compares numbers, not texts', () => {
  assert.equal(compareQuantities('1Gi', '1024Mi'), 0);
  assert.equal(compareQuantities('100m', '0.2'), -1);
  assert.equal(compareQuantities('2', '-3'), 1);
});

test('quantityValue() and quantityMilliValue() round up', () => {
  assert.equal(quantityValue('1100m'), 2);
  assert.equal(quantityValue('-1100m'), -1);
  assert.equal(quantityMilliValue('0.0001'), 1);
  assert.equal(quantityMilliValue('2'), 2000);
  assert.equal(quantityValue('nonsense'), 0);
});

test('parseQuantity() caps what is too large and never throws', () => {
  assert.equal(quantityValue('1e900'), Number(9223372036854775807n));
  fc.assert(fc.property(fc.string(), (text) => void parseQuantity(text)));
});
