import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeNftables, type Table, Transaction } from '#kernel/nftables.ts';
import type { RtnetlinkClient } from '#kernel/rtnetlink-client.ts';
import { RtnetlinkError } from '#kernel/rtnetlink-error.ts';
import { FakeNetwork } from '#kernel/rtnetlink-fake.ts';
import { NodeNetwork, NodeNetworkError } from './node-network.ts';

const EPERM = 1;
const EOPNOTSUPP = 95;
const PORTS = { addresses: ['169.254.20.10', '10.96.0.10', 'fd00::53'], port: 53, healthPort: 8080 };
const NAME = 'nodelocaldns';

/** Fails every request to make a link of one of these kinds. */
function refusing(kinds: readonly string[], errno: number): RtnetlinkClient {
  const rtnetlink = new FakeNetwork().open();
  const run = rtnetlink.run.bind(rtnetlink);
  rtnetlink.run = (requests) => {
    const refused = requests.find((request) => request.do === 'createLink' && kinds.includes(request.kind));
    if (refused !== undefined) throw new RtnetlinkError(refused, errno);
    run(requests);
  };
  return rtnetlink;
}

const addressesOf = (rtnetlink: RtnetlinkClient): string[] =>
  rtnetlink.addresses().map(({ address }) => address);

test('addInterface() makes a dummy device with the addresses, and changes nothing the next time', () => {
  const rtnetlink = refusing([], 0);
  const network = new NodeNetwork(PORTS);
  assert.equal(network.addInterface(NAME, rtnetlink), 'dummy');
  assert.equal(network.addInterface(NAME, rtnetlink), 'dummy');
  assert.equal(rtnetlink.link(NAME)?.up, true);
  assert.deepEqual(addressesOf(rtnetlink), ['169.254.20.10/32', '10.96.0.10/32', 'fd00::53/128']);
});

test('addInterface() makes a bridge where the kernel has no dummy devices', () => {
  assert.equal(new NodeNetwork(PORTS).addInterface(NAME, refusing(['dummy'], EOPNOTSUPP)), 'bridge');
});

test('addInterface() takes away what an earlier run with other addresses left', () => {
  const rtnetlink = refusing([], 0);
  new NodeNetwork(PORTS).addInterface(NAME, rtnetlink);
  new NodeNetwork({ ...PORTS, addresses: ['169.254.20.11'] }).addInterface(NAME, rtnetlink);
  assert.deepEqual(addressesOf(rtnetlink), ['169.254.20.11/32']);
});

test('addInterface() leaves addresses where they are, and makes no interface for none', () => {
  const rtnetlink = refusing([], 0);
  rtnetlink.addAddress({ link: 'lo', address: '192.0.2.7/24' });
  assert.equal(
    new NodeNetwork({ ...PORTS, addresses: ['192.0.2.7'] }).addInterface(NAME, rtnetlink),
    undefined,
  );
  assert.equal(rtnetlink.link(NAME), undefined);
  new NodeNetwork({ ...PORTS, addresses: ['192.0.2.7', '169.254.20.10'] }).addInterface(NAME, rtnetlink);
  assert.deepEqual(addressesOf(rtnetlink), ['192.0.2.7/24', '169.254.20.10/32']);
});

test('removeInterface() does not mind that it is gone', () => {
  const rtnetlink = refusing([], 0);
  const network = new NodeNetwork(PORTS);
  network.addInterface(NAME, rtnetlink);
  network.removeInterface(NAME, rtnetlink);
  network.removeInterface(NAME, rtnetlink);
  assert.equal(rtnetlink.link(NAME), undefined);
});

test('setRules() makes the same table whether it was there or not, removeRules() none', () => {
  const nftables = new FakeNftables();
  const network = new NodeNetwork(PORTS);
  network.setRules(nftables, true);
  const [table] = nftables.tables();
  assert.ok(table);
  const rules = nftables.rules(table).map(({ chain, expressions }) => [chain, ...expressions].join(' '));
  network.setRules(nftables, true);
  assert.deepEqual(
    nftables.rules(table).map(({ chain, expressions }) => [chain, ...expressions].join(' ')),
    rules,
  );
  network.removeRules(nftables);
  network.removeRules(nftables);
  assert.deepEqual(nftables.tables(), []);
});

test('keepRules() changes nothing as long as the rules are there, and makes good what is missing of them', () => {
  const nftables = new FakeNftables();
  const network = new NodeNetwork(PORTS);
  network.setRules(nftables, true);
  const [table] = nftables.tables();
  assert.ok(table);
  const state = (): number => nftables.rules(table).length;
  const [rules, generation] = [state(), nftables.generation()];
  network.keepRules(nftables);
  assert.equal(nftables.generation(), generation);

  const other: Table = { kind: 'table', family: 'inet', name: 'other' };
  nftables.run(new Transaction().add(other));
  const changed = nftables.generation();
  network.keepRules(nftables);
  assert.equal(nftables.generation(), changed);

  for (const change of [
    (transaction: Transaction) => transaction.flush(table),
    (transaction: Transaction) => transaction.delete(table),
    (transaction: Transaction) => {
      const set = nftables.sets(table).find(({ name }) => name === 'local-4');
      return set === undefined ? transaction : transaction.flush(set);
    },
  ]) {
    nftables.run(change(new Transaction()));
    network.keepRules(nftables);
    assert.equal(state(), rules);
    const counts: number[] = nftables.sets(table).map((set) => nftables.elements(set).length);
    assert.deepEqual(
      counts.sort((a, b) => a - b),
      [3, 6],
    );
  }
});

test('a missing capability is told with the flag that goes without', () => {
  assert.throws(
    () => new NodeNetwork(PORTS).addInterface(NAME, refusing(['dummy'], EPERM)),
    (error) => {
      assert.ok(error instanceof NodeNetworkError);
      assert.match(error.message, /interface nodelocaldns.*NET_ADMIN.*--setupinterface=false goes without/);
      return true;
    },
  );
});
