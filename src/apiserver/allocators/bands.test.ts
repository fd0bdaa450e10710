import assert from 'node:assert/strict';
import { it } from 'node:test';
import * as fc from 'fast-check';
import { ADDRESS_BANDS, lowerBand, PORT_BANDS, pickFree } from './bands.ts';

it('`lowerBand()` is as upstream documents it', () => {
  const addresses = [
    [256, 16],
    [4096, 256],
    [65_536, 256],
    [16, 0],
  ] as const;
  for (const [size, band] of addresses) assert.equal(lowerBand(size, ADDRESS_BANDS), band);
  assert.equal(lowerBand(2768, PORT_BANDS), 86);
  assert.equal(lowerBand(8, PORT_BANDS), 0);
});

it('`pickFree()` finds a free number if there is one, of the upper band first', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 300 }), fc.array(fc.nat(299)), (size, taken) => {
      const held = new Set(taken);
      const picked = pickFree(size, ADDRESS_BANDS, (n) => !held.has(n));
      const free = Array.from({ length: size }, (_, n) => n).filter((n) => !held.has(n));
      if (picked === undefined) return free.length === 0;
      const upperIsFull = free.every((n) => n < lowerBand(size, ADDRESS_BANDS));
      return free.includes(picked) && (upperIsFull || picked >= lowerBand(size, ADDRESS_BANDS));
    }),
  );
});
