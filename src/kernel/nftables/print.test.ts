import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { describeOperation } from './describe.ts';
import type { Chain, NftMap } from './objects.ts';
import { table } from './objects.ts';
import { printTransaction } from './print.ts';
import { printDuration } from './print-statement.ts';
import { sampleExtras, sampleTransaction } from './sample-ruleset.ts';
import { counter, drop } from './statements.ts';
import { Transaction } from './transaction.ts';

const t = table('ip', 'x');
const chain: Chain = { kind: 'chain', table: t, name: 'c' };
const map: NftMap = {
  kind: 'map',
  table: t,
  name: 'm',
  key: ['ipv4_addr'],
  data: ['inet_service'],
  timeouts: true,
};

test('printTransaction() writes a line per operation', () => {
  const text = printTransaction(sampleTransaction());
  assert.equal(text.trimEnd().split('\n').length, sampleTransaction().operations.length);
  for (const line of [
    'add table inet sample { comment "all that there is"; }',
    'add map inet sample services { type ipv4_addr . inet_proto . inet_service : verdict; comment "by address and port"; }',
    'add map inet sample sticky { type ipv4_addr . inet_service : ipv4_addr . inet_service; flags dynamic,timeout; timeout 3h; size 1000; }',
    'add chain inet sample input { type filter hook input priority 0; policy drop; }',
    'add rule inet sample prerouting ip daddr . meta l4proto . th dport vmap @services comment "to services"',
    'add rule inet sample mangle ip saddr @networks meta mark set meta mark and 0xffffbfff xor 0x4000 counter',
    'add element inet sample allowed { 10.0.0.0/8 . 80-90, 1.1.1.1 . 53 }',
  ]) {
    assert.ok(text.includes(`${line}\n`), `${line}\nis not in\n${text}`);
  }
  assert.match(printTransaction(sampleExtras()), /numgen random mod 3 map @endpoints/);
});

const others: Array<[transaction: Transaction, printed: string, described: string]> = [
  [new Transaction().create(t), 'create table ip x', 'create table ip x'],
  [new Transaction().destroy(chain), 'destroy chain ip x c', 'destroy chain ip x c'],
  [new Transaction().flush(map), 'flush map ip x m', 'flush map ip x m'],
  [
    new Transaction().insertRule(chain, [drop], { handle: 7n }),
    'insert rule ip x c handle 7 drop',
    'insert rule in chain ip x c',
  ],
  [
    new Transaction().replaceRule(chain, 7n, [counter()], 'all'),
    'replace rule ip x c handle 7 counter comment "all"',
    'replace rule in chain ip x c (all)',
  ],
  [new Transaction().deleteRule(chain, 7n), 'delete rule ip x c handle 7', 'delete rule 7 of chain ip x c'],
  [
    new Transaction().addElements(map, [
      { key: Uint8Array.of(10, 0, 0, 1), data: Uint8Array.of(0, 80), timeoutMs: 1500 },
    ]),
    'add element ip x m { 10.0.0.1 timeout 1s500ms : 80 }',
    'add 1 element of map ip x m',
  ],
  [
    new Transaction().deleteElements(map, [['10.0.0.1'], ['10.0.0.2']]),
    'delete element ip x m { 10.0.0.1, 10.0.0.2 }',
    'delete 2 elements of map ip x m',
  ],
  [
    new Transaction().destroyElements(map, [['10.0.0.1']]),
    'destroy element ip x m { 10.0.0.1 }',
    'destroy 1 element of map ip x m',
  ],
];

describe('an operation in words', () => {
  for (const [transaction, printed, described] of others) {
    test(described, () => {
      assert.equal(printTransaction(transaction), `${printed}\n`);
      assert.deepEqual(transaction.operations.map(describeOperation), [described]);
    });
  }
});

test('printDuration() writes what nft reads', () => {
  assert.deepEqual([0, 1, 1000, 90_500, 10_800_000, 90_061_001].map(printDuration), [
    '0s',
    '1ms',
    '1s',
    '1m30s500ms',
    '3h',
    '1d1h1m1s1ms',
  ]);
});
