import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import type { Pod } from '#api/core/v1.gen.ts';
import { Expectations } from './expectations.ts';
import { resolveIntOrPercent } from './int-or-percent.ts';
import { planClaim } from './owners.ts';
import { slowStart } from './slow-start.ts';
import { canonicalJson, safeHash } from './template-hash.ts';

test('`Expectations` are met when everything asked for was seen', () => {
  const expectations = new Expectations();
  assert.equal(expectations.satisfied('a'), true);
  expectations.expectCreations('a', 2);
  expectations.creationObserved('a');
  assert.equal(expectations.satisfied('a'), false);
  expectations.creationObserved('a');
  assert.equal(expectations.satisfied('a'), true);
  expectations.expectDeletions('a', ['x', 'y']);
  expectations.deletionObserved('a', 'x');
  expectations.deletionObserved('a', 'foreign');
  assert.equal(expectations.satisfied('a'), false);
  expectations.deletionObserved('a', 'y');
  assert.equal(expectations.satisfied('a'), true);
});

test('`Expectations` are given up after five minutes, or when forgotten', () => {
  let nowMs = 0;
  const expectations = new Expectations(() => nowMs);
  expectations.expectCreations('a', 1);
  nowMs = 300_001;
  assert.equal(expectations.satisfied('a'), true);
  expectations.expectCreations('b', 1);
  expectations.forget('b');
  assert.equal(expectations.satisfied('b'), true);
});

test('`slowStart()` doubles its batches, and stops after the first one with a failure', async () => {
  const sizes: number[] = [];
  let running = 0;
  const count = async (): Promise<void> => {
    running++;
    await new Promise(setImmediate);
    if (running > 0) sizes.push(running);
    running = 0;
  };
  assert.deepEqual(await slowStart(9, count), { succeeded: 9, error: undefined });
  assert.deepEqual(sizes, [1, 2, 4, 2]);
  let calls = 0;
  const { succeeded, error } = await slowStart(100, async (index) => {
    calls++;
    if (index === 2) throw new Error('quota');
  });
  assert.deepEqual([calls, succeeded, (error as Error).message], [3, 2, 'quota']);
});

test('`resolveIntOrPercent()` rounds percentages up or down', () => {
  assert.equal(resolveIntOrPercent('25%', 10, 'up'), 3);
  assert.equal(resolveIntOrPercent('25%', 10, 'down'), 2);
  assert.equal(resolveIntOrPercent(7, 10, 'up'), 7);
  assert.equal(resolveIntOrPercent(undefined, 10, 'up'), 0);
  assert.equal(resolveIntOrPercent('many', 10, 'up'), 0);
});

test('`safeHash()` depends on the value alone, not on the order of its fields', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (value) => {
      const turned = Object.fromEntries(Object.entries(value).reverse());
      assert.equal(safeHash(turned), safeHash(value));
      assert.match(safeHash(value), /^[bcdfghjklmnpqrstvwxz2456789]+$/);
    }),
  );
  assert.notEqual(safeHash({ a: 1 }), safeHash({ a: 2 }));
  assert.notEqual(safeHash({ a: 1 }), safeHash({ a: 1 }, 1));
  assert.equal(canonicalJson({ b: undefined, a: [null, 1] }), '{"a":[null,1]}');
});

test('`planClaim()` adopts the free, keeps its own, releases what is no longer selected', () => {
  const owner = { metadata: { uid: 'o' } };
  const pod = (name: string, controller?: string, deletionTimestamp?: string): Pod => ({
    metadata: {
      name,
      deletionTimestamp,
      ownerReferences: controller
        ? [{ apiVersion: 'v1', kind: 'K', name: 'k', uid: controller, controller: true }]
        : [],
    },
  });
  const pods = [
    pod('own', 'o'),
    pod('own-x', 'o'),
    pod('free'),
    pod('free-x'),
    pod('theirs', 't'),
    pod('free-going', undefined, 'now'),
  ];
  const names = (list: Pod[]): (string | undefined)[] => list.map(({ metadata }) => metadata?.name);
  const selected = (one: Pod): boolean => !one.metadata?.name?.endsWith('-x');
  const claim = planClaim(owner, pods, selected);
  assert.deepEqual(
    [names(claim.owned), names(claim.adopt), names(claim.release)],
    [['own'], ['free'], ['own-x']],
  );
  const going = planClaim({ metadata: { uid: 'o', deletionTimestamp: 'now' } }, pods, selected);
  assert.deepEqual([names(going.owned), names(going.adopt), names(going.release)], [['own'], [], []]);
});
