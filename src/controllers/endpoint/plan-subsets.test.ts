import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { CAPACITY, type PortedAddress, packSubsets, truncate } from './plan-subsets.ts';

const address = fc.record({
  address: fc.nat(5).map((number) => ({ ip: `10.0.0.${number}`, targetRef: { uid: `u${number}` } })),
  ready: fc.boolean(),
  port: fc.option(
    fc.nat(3).map((number) => ({ name: `p${number}`, port: number })),
    { nil: undefined },
  ),
});

/** Every pair of address and port that the subsets stand for. */
function pairs(subsets: ReturnType<typeof packSubsets>): string[] {
  return subsets.flatMap(({ addresses = [], notReadyAddresses = [], ports }) => {
    const names = ports?.map(({ name }) => name) ?? ['-'];
    return [
      ...addresses.flatMap(({ ip }) => names.map((name) => `${ip} ${name} true`)),
      ...notReadyAddresses.flatMap(({ ip }) => names.map((name) => `${ip} ${name} false`)),
    ];
  });
}

test('`packSubsets()` stands for exactly the pairs it was given, in a form that does not depend on their order', () => {
  fc.assert(
    fc.property(fc.array(address), (input: PortedAddress[]) => {
      const subsets = packSubsets(input);
      const wanted = new Set(input.map((one) => `${one.address.ip} ${one.port?.name ?? '-'} ${one.ready}`));
      assert.deepEqual(pairs(subsets).sort(), [...wanted].sort());
      assert.deepEqual(packSubsets([...input].reverse()), subsets);
    }),
  );
});

const addresses = (count: number) =>
  Array.from({ length: count }, (_, index) => ({ ip: `10.0.${index >> 8}.${index & 255}` }));

test('`truncate()` changes nothing up to the capacity', () => {
  assert.equal(
    truncate([{ addresses: addresses(CAPACITY - 1), notReadyAddresses: addresses(1) }]),
    undefined,
  );
});

test('`truncate()` keeps exactly the capacity: ready ones first, subsets in proportion', () => {
  const cut = truncate([
    { addresses: addresses(600), notReadyAddresses: addresses(300), ports: [{ port: 1 }] },
    { addresses: addresses(200), notReadyAddresses: addresses(100), ports: [{ port: 2 }] },
  ]);
  assert.deepEqual(
    cut?.map((subset) => subset.addresses?.length),
    [600, 200],
  );
  assert.deepEqual(
    cut?.map((subset) => subset.notReadyAddresses?.length),
    [150, 50],
  );
  const ready = truncate([{ addresses: addresses(1500) }, { notReadyAddresses: addresses(10) }]);
  assert.deepEqual(
    ready?.map((subset) => [subset.addresses?.length, subset.notReadyAddresses?.length]),
    [[1000, undefined]],
  );
});
