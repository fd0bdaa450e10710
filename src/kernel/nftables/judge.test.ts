import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import { requireJudge } from '#test/support/judge.ts';
import { enterTestNamespace } from '#test/support/namespace.ts';
import { Nftables } from './nftables.ts';
import type { Element, NftMap } from './objects.ts';
import { table } from './objects.ts';
import { printTransaction } from './print.ts';
import { sampleExtras, sampleTransaction } from './sample-ruleset.ts';
import { Transaction } from './transaction.ts';

await enterTestNamespace();

const nft = requireJudge('nft');

const COMPARING = new Set(['cmp', 'range', 'bitwise']);

/** The ruleset as nft prints it, without what only time or order of creation decides. */
function listing(): string[] {
  const lines = nft.run(['--stateless', 'list', 'ruleset']).split('\n');
  return lines.map((line) => line.trim()).filter((line) => line !== '');
}

describe('nft(8)', { skip: nft.skip }, () => {
  beforeEach(() => nft.run(['flush', 'ruleset']));

  test('reads what printTransaction() writes and makes of it what run() makes', () => {
    using nftables = Nftables.open();
    nftables.run(sampleTransaction());
    const ours = listing();
    nft.run(['flush', 'ruleset']);
    nft.run(['-f', '-'], printTransaction(sampleTransaction()));
    const theirs = listing();
    // nft keeps the elements of a set in no order of its own.
    assert.deepEqual(ours.toSorted(), theirs.toSorted());
    assert.ok(ours.length > 60, `${ours.length} lines`);
  });

  test('shows keys with an index and data from constants as they were meant', () => {
    using nftables = Nftables.open();
    nftables.run(sampleTransaction());
    nftables.run(sampleExtras());
    const text = listing().join('\n');
    for (const expected of [
      'type ipv4_addr . inet_service . mark : ipv4_addr . inet_service',
      'elements = { 10.96.0.1 . 443 . 0x00000002 : 10.244.0.5 . 6443 }',
      'dnat ip to ip daddr . tcp dport . numgen random mod 3 map @endpoints',
      'dnat ip to ip daddr . tcp dport . jhash ip saddr mod 3 seed 0x5 map @endpoints',
      'update @sticky { ip saddr . th dport : 10.1.1.1 . 80 }',
    ]) {
      assert.ok(text.includes(expected), `${expected}\nis not in\n${text}`);
    }
  });

  test('read back, our rules take the same steps as those that nft makes', () => {
    using nftables = Nftables.open();
    // Registers are everybody's own choice, and networks and ranges can be compared in several ways.
    const steps = (): string[][] =>
      nftables
        .rules(table('inet', 'sample'))
        .map(({ expressions }) =>
          expressions.map((line) => line.replace(/ .*/, '')).filter((name) => !COMPARING.has(name)),
        );
    nftables.run(sampleTransaction());
    const ours = steps();
    nft.run(['flush', 'ruleset']);
    nft.run(['-f', '-'], printTransaction(sampleTransaction()));
    assert.deepEqual(ours, steps());
  });
});

describe('large transactions', () => {
  const t = table('ip', 'large');
  const map: NftMap = {
    kind: 'map',
    table: t,
    name: 'm',
    key: ['ipv4_addr', 'inet_service'],
    data: ['ipv4_addr', 'inet_service'],
  };
  const elements = Array.from({ length: 20_000 }, (_, i): Element => {
    return {
      key: [`10.${(i >> 16) & 255}.${(i >> 8) & 255}.${i & 255}`, 80],
      data: ['10.244.0.1', i % 65_536],
    };
  });
  const transaction = new Transaction().add(t, map).flush(map).addElements(map, elements);

  test('run() splits what one message cannot hold, in order', () => {
    using nftables = Nftables.open({ maxSendBytes: 100_000 });
    const parts = nftables.run(transaction);
    assert.ok(parts > 10, `${parts} parts`);
    const read = nftables.elements(map);
    assert.equal(read.length, 20_000);
    assert.equal(new Set(read.map(({ key }) => key[0])).size, 20_000);
    assert.equal(nftables.run(transaction, { generation: nftables.generation() }), parts);
  });

  test('run() with { atomic: true } is EMSGSIZE instead', () => {
    using nftables = Nftables.open({ maxSendBytes: 100_000 });
    assert.throws(
      () => nftables.run(transaction, { atomic: true }),
      /^NftablesError: transaction of \d+ bytes: EMSGSIZE \(90\): at most 100000 fit \(net.core.wmem_max\)$/,
    );
  });

  test('run() in one part takes as much as the socket does', () => {
    using nftables = Nftables.open();
    assert.equal(
      nftables.run(new Transaction().add(t, map).flush(map).addElements(map, elements), { atomic: true }),
      1,
    );
    assert.equal(nftables.elements(map).length, 20_000);
  });
});
