import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { NftablesClient } from './client.ts';
import { NftablesError } from './error.ts';
import type { Chain, Counter, Element, NftMap, NftSet } from './objects.ts';
import { PRIORITIES, table } from './objects.ts';
import { ip, meta, numgen, th } from './selectors.ts';
import { counter, dnat, goto, inSet, jump, masquerade, vmap } from './statements.ts';
import { Transaction } from './transaction.ts';

const t = table('inet', 'contract', 'of the suite');
const services: NftMap = {
  kind: 'map',
  table: t,
  name: 'services',
  key: ['ipv4_addr', 'inet_proto', 'inet_service'],
  data: 'verdict',
};
const endpoints: NftMap = {
  kind: 'map',
  table: t,
  name: 'endpoints',
  key: ['ipv4_addr', 'inet_proto', 'inet_service', 'mark'],
  data: ['ipv4_addr', 'inet_service'],
};
const networks: NftSet = { kind: 'set', table: t, name: 'networks', key: ['ipv4_addr'], interval: true };
const affinity: NftMap = {
  kind: 'map',
  table: t,
  name: 'affinity',
  key: ['ipv6_addr'],
  data: ['ipv6_addr', 'inet_service'],
  dynamic: true,
  timeoutMs: 10_800_000,
  size: 1000,
};
const drops: Counter = { kind: 'counter', table: t, name: 'drops' };
const prerouting: Chain = {
  kind: 'chain',
  table: t,
  name: 'prerouting',
  base: { type: 'nat', hook: 'prerouting', priority: PRIORITIES.dstnat, policy: 'accept' },
};
const one: Chain = { kind: 'chain', table: t, name: 'one-endpoint' };

const address = [ip.daddr, meta('l4proto'), th.dport];

function base(): Transaction {
  return new Transaction().add(t, services, endpoints, networks, affinity, drops, prerouting, one);
}

/** What every `NftablesClient` does. `open` gives one whose namespace is shared by all that it opens. */
export function testNftablesClient(open: () => NftablesClient): void {
  /** Each test begins with the base objects and nothing in them. */
  const fresh = (): NftablesClient => {
    const client = open();
    client.run(new Transaction().add(t).delete(t));
    client.run(base());
    return client;
  };
  const refuses = (client: NftablesClient, transaction: Transaction, code: string, message: RegExp): void => {
    assert.throws(
      () => client.run(transaction),
      (error) => error instanceof NftablesError && error.code === code && message.test(error.message),
      `${code} ${message}`,
    );
  };

  describe('objects', () => {
    test('add() twice changes nothing, create() twice is EEXIST', () => {
      using client = fresh();
      client.run(base());
      refuses(
        client,
        new Transaction().create(one),
        'EEXIST',
        /create chain inet contract one-endpoint: EEXIST \(17\)/,
      );
      assert.equal(client.chains(t).length, 2);
    });

    test('tables(), chains() and sets() read back what was added', () => {
      using client = fresh();
      assert.deepEqual(
        client.tables().find(({ name }) => name === t.name),
        t,
      );
      const chains = client.chains(t);
      assert.deepEqual(chains.find(({ name }) => name === 'prerouting')?.base?.priority, -100);
      assert.deepEqual(chains.find(({ name }) => name === 'one-endpoint')?.base, undefined);
      const sets = client.sets(t);
      assert.deepEqual(sets.map(({ name }) => name).sort(), [
        'affinity',
        'endpoints',
        'networks',
        'services',
      ]);
      const found = sets.find(({ name }) => name === 'affinity');
      assert.deepEqual(found?.key, ['ipv6_addr']);
      assert.equal(found?.timeoutMs, 10_800_000);
      assert.equal(found?.size, 1000);
      assert.deepEqual([...client.counters(t)], [['drops', { packets: 0n, bytes: 0n }]]);
    });

    test('what belongs to a missing table is ENOENT', () => {
      using client = fresh();
      const nowhere: Chain = { kind: 'chain', table: table('ip', 'nowhere'), name: 'c' };
      refuses(client, new Transaction().add(nowhere), 'ENOENT', /add chain ip nowhere c/);
      assert.deepEqual(client.chains(nowhere.table), []);
    });

    test('delete() of a chain that a rule jumps to is EBUSY until the rule is gone', () => {
      using client = fresh();
      client.run(new Transaction().addRule(prerouting, [jump(one.name)]));
      refuses(client, new Transaction().delete(one), 'EBUSY', /delete chain inet contract one-endpoint/);
      client.run(new Transaction().flush(prerouting).delete(one));
      assert.equal(client.chains(t).length, 1);
    });

    test('delete() of a chain that an element leads to is EBUSY', () => {
      using client = fresh();
      client.run(
        new Transaction().addElements(services, [
          { key: ['10.96.0.1', 'tcp', 443], data: { goto: one.name } },
        ]),
      );
      refuses(client, new Transaction().delete(one), 'EBUSY', /delete chain/);
    });

    test('delete() of a set that a rule uses is EBUSY, of a missing one ENOENT', () => {
      using client = fresh();
      client.run(new Transaction().addRule(one, [inSet([ip.saddr], networks), masquerade()]));
      refuses(client, new Transaction().delete(networks), 'EBUSY', /delete set inet contract networks/);
      refuses(client, new Transaction().delete({ ...networks, name: 'none' }), 'ENOENT', /delete set/);
    });

    test('add() of a base chain changes its policy, another hook is refused', () => {
      using client = fresh();
      const drop = { type: 'filter', hook: 'input', priority: 0, policy: 'drop' } as const;
      const input: Chain = { kind: 'chain', table: t, name: 'input', base: drop };
      client.run(new Transaction().add(input).add({ ...input, base: { ...drop, policy: 'accept' } }));
      assert.equal(client.chains(t).find(({ name }) => name === 'input')?.base?.policy, 'accept');
      const moved = { ...input, base: { ...drop, priority: 10 } };
      // EEXIST before Linux 6.4.
      assert.throws(() => client.run(new Transaction().add(moved)), /input: (?:EOPNOTSUPP|EEXIST)/);
    });
  });

  describe('rules', () => {
    test('rules() lists them in order with handles and comments', () => {
      using client = fresh();
      client.run(
        new Transaction()
          .addRule(prerouting, [vmap(address, services)], { comment: 'second' })
          .addRule(prerouting, [counter(drops)])
          .insertRule(prerouting, [goto(one.name)], { comment: 'first' }),
      );
      const rules = client.rules(t, prerouting.name);
      assert.deepEqual(
        rules.map(({ comment }) => comment),
        ['first', 'second', undefined],
      );
      assert.equal(new Set(rules.map(({ handle }) => handle)).size, 3);
      assert.match(rules[1]?.expressions.at(-1) ?? '', /^lookup set=services sreg=8/);
    });

    test('a handle places, replaces and deletes a rule', () => {
      using client = fresh();
      client.run(
        new Transaction()
          .addRule(one, [counter()], { comment: 'a' })
          .addRule(one, [counter()], { comment: 'c' }),
      );
      const [a, c] = client.rules(t, one.name);
      assert.ok(a !== undefined && c !== undefined);
      client.run(new Transaction().addRule(one, [counter()], { comment: 'b', handle: a.handle }));
      client.run(new Transaction().replaceRule(one, c.handle, [masquerade()], 'd').deleteRule(one, a.handle));
      assert.deepEqual(
        client.rules(t, one.name).map(({ comment }) => comment),
        ['b', 'd'],
      );
      refuses(
        client,
        new Transaction().deleteRule(one, a.handle),
        'ENOENT',
        /delete rule \d+ of chain inet contract/,
      );
    });

    test('a rule that names a missing chain or set is ENOENT', () => {
      using client = fresh();
      refuses(
        client,
        new Transaction().addRule(one, [jump('none')], { comment: 'lost' }),
        'ENOENT',
        /one-endpoint \(lost\)/,
      );
      const missing = { ...networks, name: 'none' };
      refuses(
        client,
        new Transaction().addRule(one, [inSet([ip.saddr], missing)]),
        'ENOENT',
        /add rule in chain/,
      );
      assert.deepEqual(client.rules(t), []);
    });

    test('dnat to a map with a random index is taken', () => {
      using client = fresh();
      client.run(new Transaction().addRule(one, [dnat({ map: endpoints, key: [...address, numgen(3)] })]));
      assert.match(client.rules(t, one.name)[0]?.expressions.at(-1) ?? '', /^nat type=1 family=2 addr_min=8/);
    });
  });

  describe('elements', () => {
    test('elements() reads back keys, data, comments', () => {
      using client = fresh();
      const added: Element[] = [
        { key: ['10.96.0.1', 'tcp', 443, 0], data: ['10.244.0.5', 6443], comment: 'api' },
        { key: ['10.96.0.10', 'udp', 53, 1], data: ['10.244.0.6', 53] },
      ];
      client.run(new Transaction().addElements(endpoints, added));
      const read = client.elements(endpoints).toSorted((a, b) => String(a.key).localeCompare(String(b.key)));
      assert.deepEqual(read, added);
      client.run(new Transaction().deleteElements(endpoints, [['10.96.0.1', 'tcp', 443, 0]]));
      assert.deepEqual(client.elements(endpoints), [added[1]]);
      client.run(new Transaction().flush(endpoints));
      assert.deepEqual(client.elements(endpoints), []);
    });

    test('elements() reads back ranges and networks', () => {
      using client = fresh();
      const keys = [['10.0.0.0/8'], ['172.30.0.1'], ['192.168.0.1-192.168.0.5'], ['255.255.255.0/24']];
      client.run(
        new Transaction().addElements(
          networks,
          keys.map((key) => ({ key })),
        ),
      );
      const read = client.elements(networks).map(({ key }) => key);
      assert.deepEqual(
        read.toSorted((a, b) => String(a).localeCompare(String(b))),
        keys,
      );
      client.run(new Transaction().deleteElements(networks, [['10.0.0.0/8']]));
      assert.equal(client.elements(networks).length, 3);
    });

    test('ranges that overlap are EEXIST, the same range again is fine', () => {
      using client = fresh();
      const add = (key: string): Transaction => new Transaction().addElements(networks, [{ key: [key] }]);
      client.run(add('10.0.0.0-10.0.0.9'));
      client.run(add('10.0.0.0-10.0.0.9'));
      client.run(add('10.0.0.10-10.0.0.12'));
      for (const key of ['10.0.0.5-10.0.0.20', '10.0.0.9', '10.0.0.0/8', '10.0.0.0/30']) {
        refuses(client, add(key), 'EEXIST', /networks: EEXIST/);
      }
      assert.equal(client.elements(networks).length, 2);
    });

    test('a range of several parts may not begin within another', () => {
      using client = fresh();
      const allowed: NftSet = { ...networks, name: 'allowed', key: ['ipv4_addr', 'inet_service'] };
      const add = (...key: string[]): Transaction => new Transaction().addElements(allowed, [{ key }]);
      client.run(new Transaction().add(allowed));
      client.run(add('10.1.0.0/16', '80-90'));
      client.run(add('10.0.0.0/8', '81'));
      refuses(client, add('10.1.2.0/24', '85-95'), 'EEXIST', /allowed: EEXIST/);
      assert.equal(client.elements(allowed).length, 2);
    });

    test('an element with a timeout tells how long it still lives', () => {
      using client = fresh();
      client.run(
        new Transaction().addElements(affinity, [
          { key: ['fd00::1'], data: ['fd00::2', 80], timeoutMs: 60_000 },
        ]),
      );
      const [element] = client.elements(affinity);
      assert.deepEqual(element?.data, ['fd00::2', 80]);
      assert.ok(element?.expiresMs !== undefined && element.expiresMs > 0 && element.expiresMs <= 60_000);
    });

    test('the same element again is fine, other data for its key EEXIST, as is createElements()', () => {
      using client = fresh();
      const element: Element = { key: ['10.96.0.1', 'tcp', 443], data: 'accept' };
      client.run(new Transaction().addElements(services, [element]));
      client.run(new Transaction().addElements(services, [element]));
      const other = new Transaction().addElements(services, [{ ...element, data: 'drop' }]);
      refuses(client, other, 'EEXIST', /services: EEXIST/);
      refuses(client, new Transaction().createElements(services, [element]), 'EEXIST', /services: EEXIST/);
      client.run(
        new Transaction()
          .deleteElements(services, [element.key])
          .addElements(services, [{ ...element, data: 'drop' }]),
      );
      assert.deepEqual(client.elements(services)[0]?.data, 'drop');
    });

    test('deleteElements() of a missing key is ENOENT, and so is a verdict to a missing chain', () => {
      using client = fresh();
      const missing = new Transaction().deleteElements(services, [['10.96.0.9', 'tcp', 1]]);
      refuses(client, missing, 'ENOENT', /services: ENOENT/);
      const nowhere = new Transaction().addElements(services, [
        { key: ['10.96.0.9', 'tcp', 1], data: { goto: 'none' } },
      ]);
      refuses(client, nowhere, 'ENOENT', /services: ENOENT/);
    });

    test('elements() of a missing set is ENOENT', () => {
      using client = fresh();
      assert.throws(
        () => client.elements({ ...services, name: 'none' }),
        /list map inet contract none: ENOENT/,
      );
    });

    test('an update of one element leaves the others alone', () => {
      using client = fresh();
      const elements: Element[] = Array.from({ length: 3000 }, (_, i) => ({
        key: [`10.96.${i >> 8}.${i & 255}`, 'tcp', 80, 0],
        data: ['10.244.0.1', 8080],
      }));
      client.run(new Transaction().addElements(endpoints, elements));
      const key = ['10.96.5.5', 'tcp', 80, 0];
      client.run(
        new Transaction()
          .deleteElements(endpoints, [key])
          .addElements(endpoints, [{ key, data: ['10.244.9.9', 1] }]),
      );
      const read = client.elements(endpoints);
      assert.equal(read.length, 3000);
      assert.equal(read.filter(({ data }) => Array.isArray(data) && data[0] === '10.244.9.9').length, 1);
    });
  });

  describe('transactions', () => {
    test('run() takes all or nothing', () => {
      using client = fresh();
      const half = new Transaction()
        .addElements(services, [{ key: ['10.96.0.1', 'tcp', 443], data: 'accept' }])
        .addRule(one, [counter()])
        .delete({ kind: 'chain', table: t, name: 'none' });
      refuses(client, half, 'ENOENT', /delete chain inet contract none/);
      assert.deepEqual(client.elements(services), []);
      assert.deepEqual(client.rules(t), []);
    });

    test('generation() changes with a run, and an old one is ERESTART', () => {
      using client = fresh();
      const before = client.generation();
      client.run(new Transaction().addRule(one, [counter()]), { generation: before });
      assert.notEqual(client.generation(), before);
      assert.throws(
        () => client.run(new Transaction().addRule(one, [counter()]), { generation: before }),
        /ERESTART \(85\): the ruleset has been changed by somebody else/,
      );
      assert.equal(client.rules(t).length, 1);
    });

    test('an empty transaction is nothing', () => {
      using client = fresh();
      const before = client.generation();
      assert.equal(client.run(new Transaction().addElements(services, [])), 0);
      assert.equal(client.generation(), before);
    });
  });
}
