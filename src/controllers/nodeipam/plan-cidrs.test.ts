import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { CidrAllocator } from './plan-cidrs.ts';

test('`next()` cuts ranges of one size out of the cluster range, the lowest first', () => {
  const ipv4 = new CidrAllocator('10.244.0.0/16', 22);
  assert.deepEqual([ipv4.next(), ipv4.next()], ['10.244.0.0/22', '10.244.4.0/22']);
  const ipv6 = new CidrAllocator('fd00:10:244::/48', 64);
  assert.deepEqual([ipv6.next(), ipv6.next()], ['fd00:10:244::/64', 'fd00:10:244:1::/64']);
});

test('`next()` gives no range twice, and none that is taken, until they are used up', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.nat(15)), (taken) => {
      const allocator = new CidrAllocator('10.0.0.0/20', 24);
      for (const index of taken) allocator.take(`10.0.${index}.0/24`);
      const given: string[] = [];
      for (let cidr = allocator.next(); cidr !== undefined; cidr = allocator.next()) given.push(cidr);
      assert.equal(new Set(given).size, given.length);
      assert.equal(given.length + taken.length, 16);
      for (const index of taken) assert.ok(!given.includes(`10.0.${index}.0/24`));
    }),
  );
});

test('`free()` gives a range back; ranges of others change nothing', () => {
  const allocator = new CidrAllocator('10.0.0.0/23', 24);
  for (const foreign of ['192.168.0.0/24', '9.0.0.0/24', 'fd00::/64', 'nonsense']) allocator.take(foreign);
  assert.deepEqual(
    [allocator.next(), allocator.next(), allocator.next()],
    ['10.0.0.0/24', '10.0.1.0/24', undefined],
  );
  allocator.free('10.0.0.0/24');
  assert.equal(allocator.next(), '10.0.0.0/24');
});

test('the allocator refuses ranges for nodes that are larger than the cluster range', () => {
  assert.throws(() => new CidrAllocator('10.0.0.0/24', 22), RangeError);
});
