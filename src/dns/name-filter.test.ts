import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { NameFilter } from './name-filter.ts';

const LABEL = fc.stringMatching(/^[a-z0-9-]{1,20}$/);

function lacks(filter: NameFilter, labels: readonly string[]): boolean {
  const bytes = Buffer.from(`..${labels.map((each) => String.fromCharCode(each.length) + each).join('')}.`);
  return filter.lacks(bytes, 2, bytes.length - 1);
}

test('NameFilter.lacks() is never true of a name that is there, whatever came and went', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(LABEL, LABEL)), fc.array(fc.nat(50)), (names, gone) => {
      const filter = new NameFilter();
      const there = new Set(names.map((each) => each.join('.')));
      for (const each of there) filter.add(each.split('.'));
      for (const index of gone) {
        const each = [...there][index];
        if (each === undefined) continue;
        filter.remove(each.split('.'));
        there.delete(each);
      }
      for (const each of there) assert.equal(lacks(filter, each.toUpperCase().split('.')), false);
    }),
    { numRuns: 30 },
  );
});

test('NameFilter.lacks() is true of nearly all names that are not there', () => {
  const filter = new NameFilter();
  for (let i = 0; i < 10_000; i++) filter.add([`service-${i}`, 'default']);
  const unsure = Array.from({ length: 10_000 }, (_, i) => !lacks(filter, [`other-${i}`, 'default']));
  assert(unsure.filter(Boolean).length < 500);
});

test('NameFilter.remove() leaves names alone that share a full counter', () => {
  const filter = new NameFilter();
  for (let i = 0; i < 300; i++) filter.add(['web']);
  for (let i = 0; i < 299; i++) filter.remove(['web']);
  assert.equal(lacks(filter, ['web']), false);
});
