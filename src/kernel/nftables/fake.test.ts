import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testNftablesClient } from './client-contract.ts';
import { FakeNftables } from './fake.ts';
import { type NftMap, table } from './objects.ts';
import { Transaction } from './transaction.ts';

testNftablesClient(() => new FakeNftables());

test('dump() writes all it holds as nft commands', () => {
  using fake = new FakeNftables();
  const t = table('ip', 'x', 'mine');
  const map: NftMap = { kind: 'map', table: t, name: 'm', key: ['inet_service'], data: ['ipv4_addr'] };
  fake.run(new Transaction().add(t, map).addElements(map, [{ key: [80], data: ['10.0.0.1'] }]));
  assert.equal(
    fake.dump(),
    'add table ip x { comment "mine"; }\n' +
      'add map ip x m { type inet_service : ipv4_addr; }\n' +
      'add element ip x m { 80 : 10.0.0.1 }\n',
  );
});
