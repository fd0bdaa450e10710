import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import type { Endpoint, EndpointSlice } from '#api/discovery/v1.gen.ts';
import { identityOf, packEndpoints, portsKey, recycle, type SlicePlan } from './plan-packing.ts';

const endpoint = (number: number, ready = true): Endpoint => ({
  addresses: [`10.0.${number >> 8}.${number & 255}`],
  conditions: { ready },
  targetRef: { kind: 'Pod', namespace: 'n', name: `p${number}` },
});

const slice = (name: string, endpoints: Endpoint[]): EndpointSlice => ({
  metadata: { name, namespace: 'n' },
  addressType: 'IPv4',
  endpoints,
});

const EMPTY = slice('', []);

function pack(existing: EndpointSlice[], desired: Endpoint[], maxPerSlice: number): SlicePlan {
  return packEndpoints({ existing, desired, maxPerSlice, empty: EMPTY, refresh: (same) => same });
}

function after(plan: SlicePlan): EndpointSlice[] {
  const created = plan.create.map((made, index) => ({ ...made, metadata: { name: `new-${index}` } }));
  return [...plan.unchanged, ...plan.update, ...created];
}

/** Slices as they may be, and the endpoints wanted next. */
const situation = fc
  .record({
    max: fc.integer({ min: 1, max: 6 }),
    before: fc.uniqueArray(fc.nat(40)),
    desired: fc.uniqueArray(fc.nat(40)),
    unready: fc.uniqueArray(fc.nat(40)),
    cuts: fc.array(fc.integer({ min: 1, max: 6 }), { maxLength: 40 }),
  })
  .map(({ max, before, desired, unready, cuts }) => {
    const existing: EndpointSlice[] = [];
    const rest = before.map((number) => endpoint(number));
    while (rest.length > 0) {
      const size = Math.min(max, cuts[existing.length] ?? max);
      existing.push(slice(`s${existing.length}`, rest.splice(0, size)));
    }
    return { max, existing, desired: desired.map((number) => endpoint(number, !unready.includes(number))) };
  });

test('`packEndpoints()` has every endpoint exactly once, as it is now, and no slice too full', () => {
  fc.assert(
    fc.property(situation, ({ max, existing, desired }) => {
      const slices = after(pack(existing, desired, max));
      const all = slices.flatMap(({ endpoints = [] }) => endpoints);
      const state = (one: Endpoint): string => `${identityOf(one)} ${one.conditions?.ready}`;
      assert.deepEqual(all.map(state).sort(), desired.map(state).sort());
      for (const { endpoints = [] } of slices) assert.ok(endpoints.length >= 1 && endpoints.length <= max);
    }),
  );
});

test('`packEndpoints()` moves no endpoint from one slice to another', () => {
  fc.assert(
    fc.property(situation, ({ max, existing, desired }) => {
      const home = new Map<string, string | undefined>();
      for (const { metadata, endpoints = [] } of existing) {
        for (const one of endpoints) home.set(identityOf(one), metadata?.name);
      }
      for (const { metadata, endpoints = [] } of after(pack(existing, desired, max))) {
        for (const one of endpoints) {
          const before = home.get(identityOf(one));
          assert.ok(before === undefined || before === metadata?.name);
        }
      }
    }),
  );
});

test('`packEndpoints()` writes nothing a second time', () => {
  fc.assert(
    fc.property(situation, ({ max, existing, desired }) => {
      const settled = after(pack(existing, desired, max));
      const again = pack(settled, desired, max);
      assert.deepEqual([again.create, again.update, again.remove], [[], [], []]);
      assert.equal(again.unchanged.length, settled.length);
    }),
  );
});

test('`packEndpoints()` writes no more slices than changes ask for', () => {
  fc.assert(
    fc.property(situation, ({ max, existing, desired }) => {
      const plan = pack(existing, desired, max);
      const wanted = new Map(desired.map((one) => [identityOf(one), one.conditions?.ready]));
      const touched = existing.filter(({ endpoints = [] }) =>
        endpoints.some((one) => wanted.get(identityOf(one)) !== one.conditions?.ready),
      );
      const known = new Set(existing.flatMap(({ endpoints = [] }) => endpoints.map(identityOf)));
      const fresh = desired.filter((one) => !known.has(identityOf(one))).length;
      const writes = plan.create.length + plan.update.length + plan.remove.length;
      assert.ok(writes <= touched.length + Math.ceil(fresh / max));
    }),
  );
});

const numbers = (from: number, count: number): Endpoint[] =>
  Array.from({ length: count }, (_, index) => endpoint(from + index));
const sizes = (slices: EndpointSlice[]): number[] => slices.map(({ endpoints = [] }) => endpoints.length);

test('`packEndpoints()` puts a remainder into the unchanged slice that it fills best', () => {
  const existing = [slice('a', numbers(0, 2)), slice('b', numbers(10, 4)), slice('c', numbers(20, 5))];
  const plan = pack(existing, [...numbers(0, 2), ...numbers(10, 4), ...numbers(20, 5), endpoint(30)], 5);
  assert.deepEqual(
    plan.update.map(({ metadata }) => metadata?.name),
    ['b'],
  );
});

test('`packEndpoints()` fills slices that are written anyway first, the fullest one before the others', () => {
  const existing = [slice('a', numbers(0, 3)), slice('b', numbers(10, 5))];
  const plan = pack(existing, [...numbers(0, 2), ...numbers(10, 4), ...numbers(30, 2)], 5);
  assert.deepEqual(plan.create, []);
  assert.deepEqual(new Set(sizes(plan.update)), new Set([3, 5]));
});

test('`recycle()` turns a removal and a creation into one update', () => {
  const old = slice('old', numbers(0, 1));
  const fresh = slice('', numbers(10, 1));
  const plan = recycle({ create: [fresh], update: [], remove: [old], unchanged: [] }, () => true);
  assert.deepEqual([plan.create, plan.remove], [[], []]);
  assert.equal(plan.update[0]?.metadata?.name, 'old');
  assert.equal(plan.update[0]?.endpoints?.[0]?.targetRef?.name, 'p10');
  const refused = recycle({ create: [fresh], update: [], remove: [old], unchanged: [] }, () => false);
  assert.equal(refused.create.length, 1);
});

test('`portsKey()` is the same whatever the order of the ports', () => {
  const a = { name: 'a', port: 1, protocol: 'TCP' };
  const b = { name: 'b', port: 2, protocol: 'UDP' };
  assert.equal(portsKey([a, b]), portsKey([b, a]));
  assert.notEqual(portsKey([a]), portsKey([a, b]));
  assert.equal(portsKey(undefined), portsKey([]));
});
