import assert from 'node:assert/strict';
import { test } from 'node:test';
import { enterTestNamespace } from '#test/support/namespace.ts';
import { testNftablesClient } from './client-contract.ts';
import { NftablesError } from './error.ts';
import { Nftables } from './nftables.ts';
import type { Chain, Table } from './objects.ts';
import { accept } from './statements.ts';
import { Transaction } from './transaction.ts';

await enterTestNamespace();

testNftablesClient(() => Nftables.open());

test('an owned table is its client’s alone to change, and goes with it', () => {
  using other = Nftables.open();
  const present = (): Table[] => other.tables().filter(({ name }) => name === 'owned');
  const owned: Table = { kind: 'table', family: 'inet', name: 'owned', owned: true };
  const chain: Chain = { kind: 'chain', table: owned, name: 'c' };
  {
    using owner = Nftables.open();
    owner.run(new Transaction().add(owned, chain).addRule(chain, [accept]));
    owner.run(new Transaction().add(owned).delete(owned).add(owned, chain));
    assert.deepEqual(present(), [{ ...owned, comment: undefined }]);
    assert.throws(
      () => other.run(new Transaction().delete(owned)),
      (error) => error instanceof NftablesError && error.code === 'EPERM',
    );
  }
  assert.deepEqual(present(), []);
});
