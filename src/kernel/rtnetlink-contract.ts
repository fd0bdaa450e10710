import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RtnetlinkClient } from './rtnetlink-client.ts';
import { RtnetlinkError } from './rtnetlink-error.ts';

/** A network with namespaces in it, real or not. */
export interface TestNetwork {
  /** The namespace that the tests are in, or another one. */
  open(netns?: number): RtnetlinkClient;
  /** A descriptor (or whatever stands for one) of a new, empty namespace. */
  createNamespace(): number;
}

/** Two namespaces, `here` and `there`, the latter with its descriptor. */
interface Pair extends Disposable {
  here: RtnetlinkClient;
  there: RtnetlinkClient;
  netns: number;
}

/** What every `RtnetlinkClient` does. The namespaces have nothing but a loopback device in them. */
export function testRtnetlinkClient(makeNetwork: () => TestNetwork): void {
  const refuses = (run: () => void, code: string, message: RegExp): void => {
    assert.throws(run, (error) => {
      assert.ok(error instanceof RtnetlinkError, String(error));
      assert.equal(error.code, code);
      assert.match(error.message, message);
      return true;
    });
  };

  /** Two namespaces, joined by a veth pair that is up on both ends. */
  const pair = (): Pair => {
    const network = makeNetwork();
    const [inner, netns] = [network.createNamespace(), network.createNamespace()];
    const here = network.open(inner);
    const there = network.open(netns);
    here.createVeth({
      name: 'pod1',
      index: 10,
      mac: '02:00:00:00:00:01',
      mtu: 1400,
      up: true,
      peer: { name: 'eth0', index: 2, mac: '02:00:00:00:00:02', netns },
    });
    there.setLink('eth0', { up: true });
    const dispose = (): void => {
      here[Symbol.dispose]();
      there[Symbol.dispose]();
    };
    return { here, there, netns, [Symbol.dispose]: dispose };
  };

  test('createVeth() puts the other end into the other namespace', () => {
    using joined = pair();
    const { here, there } = joined;
    const link = here.link('pod1');
    assert.deepEqual(
      [link?.index, link?.mac, link?.mtu, link?.up, link?.kind, link?.peer],
      [10, '02:00:00:00:00:01', 1400, true, 'veth', 2],
    );
    const peer = there.link(2);
    assert.deepEqual(
      [peer?.name, peer?.mac, peer?.running, peer?.peer],
      ['eth0', '02:00:00:00:00:02', true, 10],
    );
    assert.deepEqual(
      here.links().map(({ name }) => name),
      ['lo', 'pod1'],
    );
    assert.equal(here.link('eth0'), undefined);
    assert.equal(here.link(99), undefined);
  });

  test('a link that is there is EEXIST, one that is not ENODEV', () => {
    using joined = pair();
    const { here } = joined;
    refuses(
      () => here.createLink({ kind: 'bridge', name: 'pod1' }),
      'EEXIST',
      /^create bridge pod1: EEXIST \(17\)/,
    );
    refuses(() => here.setLink('pod2', { up: true }), 'ENODEV', /^set link pod2 state up: ENODEV \(19\)/);
    refuses(() => here.deleteLink(99), 'ENODEV', /^delete link #99: ENODEV/);
    refuses(
      () => here.addAddress({ link: 'pod2', address: '10.0.0.1/32' }),
      'ENODEV',
      /^add address 10.0.0.1\/32 to pod2/,
    );
  });

  test('deleteLink() takes the pair, its addresses and routes along', () => {
    using joined = pair();
    const { here, there } = joined;
    here.addAddress({ link: 'pod1', address: '10.244.0.1/32' });
    here.addRoute({ destination: '10.244.0.5/32', link: 'pod1' });
    here.deleteLink('pod1');
    assert.equal(there.link('eth0'), undefined);
    assert.deepEqual(here.addresses(4), []);
    assert.equal(
      here.routes(4).some(({ index }) => index === 10),
      false,
    );
  });

  test('setLink() renames, resizes, joins a bridge and leaves it', () => {
    using joined = pair();
    const { here } = joined;
    here.createLink({ kind: 'bridge', name: 'br0', index: 20, up: true });
    here.setLink('pod1', { master: 'br0', mtu: 1300 });
    assert.deepEqual([here.link(10)?.master, here.link(10)?.mtu], [20, 1300]);
    here.run([
      { do: 'setLink', link: 'pod1', up: false, master: null },
      { do: 'setLink', link: 'pod1', name: 'pod9', mac: '02:00:00:00:00:09' },
    ]);
    const link = here.link('pod9');
    assert.deepEqual(
      [link?.index, link?.master, link?.mac, link?.up],
      [10, undefined, '02:00:00:00:00:09', false],
    );
  });

  test('setLink() moves a link into another namespace', () => {
    using joined = pair();
    const { here, there, netns } = joined;
    here.addAddress({ link: 'pod1', address: '10.244.0.1/32' });
    here.setLink('pod1', { netns });
    assert.equal(here.link('pod1'), undefined);
    assert.deepEqual(here.addresses(4), []);
    assert.equal(there.link('pod1')?.up, false);
    assert.deepEqual(there.addresses(4), []);
  });

  test('addresses of both families are added, listed, replaced and deleted', () => {
    using joined = pair();
    const { here } = joined;
    here.addAddress({ link: 'pod1', address: '10.244.0.1/32' });
    here.addAddress({ link: 10, address: 'fd00::1/64', scope: 'global' });
    assert.deepEqual(here.addresses(4), [
      { index: 10, address: '10.244.0.1/32', family: 4, scope: 'global', tentative: false },
    ]);
    const six = here.addresses(6).filter(({ address }) => address.startsWith('fd00:'));
    assert.deepEqual(six, [
      { index: 10, address: 'fd00::1/64', family: 6, scope: 'global', tentative: false },
    ]);
    refuses(
      () => here.addAddress({ link: 'pod1', address: '10.244.0.1/32' }),
      'EEXIST',
      /^add address 10.244.0.1\/32 to pod1: EEXIST \(17\)/,
    );
    here.replaceAddress({ link: 'pod1', address: '10.244.0.1/32' });
    here.deleteAddress({ link: 'pod1', address: '10.244.0.1/32' });
    assert.deepEqual(here.addresses(4), []);
    refuses(
      () => here.deleteAddress({ link: 'pod1', address: '10.244.0.1/32' }),
      'EADDRNOTAVAIL',
      /^delete address/,
    );
  });

  test('routes are added, listed, replaced and deleted, in any table', () => {
    using joined = pair();
    const { here } = joined;
    // Without any address of its own a namespace takes every gateway for a broadcast address.
    here.addAddress({ link: 'pod1', address: '10.244.0.1/32' });
    const route = { destination: '10.244.0.5/32', link: 'pod1' };
    here.addRoute(route);
    here.addRoute({ destination: '0.0.0.0/0', via: '10.244.0.5', link: 'pod1', table: 1000, onlink: true });
    here.addRoute({ destination: 'fd00::5/128', link: 'pod1' });
    const [direct] = here.routes(4).filter(({ destination }) => destination === '10.244.0.5/32');
    assert.deepEqual(
      [direct?.index, direct?.scope, direct?.table, direct?.type],
      [10, 'link', 254, 'unicast'],
    );
    const [other] = here.routes(4).filter(({ table }) => table === 1000);
    assert.deepEqual([other?.destination, other?.via], ['0.0.0.0/0', '10.244.0.5']);
    assert.equal(here.routes(6).filter(({ destination }) => destination === 'fd00::5/128').length, 1);
    refuses(() => here.addRoute(route), 'EEXIST', /^add route to 10.244.0.5\/32 dev pod1: EEXIST/);
    here.replaceRoute({ destination: '10.244.0.5/32', type: 'blackhole' });
    assert.deepEqual(
      here
        .routes(4)
        .filter(({ destination }) => destination === '10.244.0.5/32')
        .map(({ type }) => type),
      ['blackhole'],
    );
    here.deleteRoute({ destination: '10.244.0.5/32' });
    refuses(
      () => here.deleteRoute({ destination: '10.244.0.5/32' }),
      'ESRCH',
      /^delete route to 10.244.0.5\/32: ESRCH \(3\)/,
    );
  });

  test('a gateway that no route leads to is ENETUNREACH', () => {
    using joined = pair();
    const { here } = joined;
    refuses(
      () => here.addRoute({ destination: '10.9.0.0/16', via: '10.8.0.1' }),
      'ENETUNREACH',
      /^add route to 10.9.0.0\/16 via 10.8.0.1/,
    );
    here.run([
      { do: 'addRoute', destination: '10.8.0.1/32', link: 'pod1' },
      { do: 'addRoute', destination: '10.9.0.0/16', via: '10.8.0.1' },
    ]);
    assert.equal(here.routes(4).find(({ destination }) => destination === '10.9.0.0/16')?.index, 10);
  });

  test('rules are added, listed and deleted', () => {
    using joined = pair();
    const { here } = joined;
    const rule = { family: 4, priority: 100, mark: 1, mask: 0xff, from: '10.0.0.0/8', table: 1000 } as const;
    here.addRule(rule);
    const [listed] = here.rules(4).filter(({ priority }) => priority === 100);
    assert.deepEqual(
      [listed?.mark, listed?.mask, listed?.from, listed?.table, listed?.action],
      [1, 0xff, '10.0.0.0/8', 1000, 'lookup'],
    );
    assert.equal(
      here.rules(6).some(({ priority }) => priority === 100),
      false,
    );
    refuses(
      () => here.addRule(rule),
      'EEXIST',
      /^add IPv4 rule priority 100 from 10.0.0.0\/8 mark 1 lookup 1000: EEXIST/,
    );
    here.deleteRule(rule);
    refuses(() => here.deleteRule(rule), 'ENOENT', /^delete IPv4 rule .*: ENOENT \(2\)/);
  });

  test('neighbours are added, listed, replaced and deleted', () => {
    using joined = pair();
    const { here } = joined;
    const entry = { link: 'pod1', address: '10.244.0.5', mac: '02:00:00:00:00:02' };
    here.addNeighbour(entry);
    here.addNeighbour({ link: 'pod1', address: 'fd00::5', mac: '02:00:00:00:00:02' });
    assert.deepEqual(here.neighbours(4), [
      { index: 10, address: '10.244.0.5', mac: '02:00:00:00:00:02', state: 'permanent', proxy: false },
    ]);
    assert.equal(here.neighbours(6).filter(({ address }) => address === 'fd00::5').length, 1);
    refuses(
      () => here.addNeighbour(entry),
      'EEXIST',
      /^add neighbour address 10.244.0.5 mac 02:00:00:00:00:02 dev pod1: EEXIST/,
    );
    here.replaceNeighbour({ ...entry, mac: '02:00:00:00:00:03' });
    assert.equal(here.neighbours(4)[0]?.mac, '02:00:00:00:00:03');
    here.deleteNeighbour(entry);
    assert.deepEqual(here.neighbours(4), []);
    refuses(() => here.deleteNeighbour(entry), 'ENOENT', /^delete neighbour/);
  });

  test('run() tries everything and names the first failure and how many there were', () => {
    using joined = pair();
    const { here } = joined;
    refuses(
      () =>
        here.run([
          { do: 'addAddress', link: 'pod1', address: '10.0.0.1/32' },
          { do: 'addAddress', link: 'pod1', address: '10.0.0.1/32' },
          { do: 'deleteAddress', link: 'pod1', address: '10.0.0.9/32' },
          { do: 'addAddress', link: 'pod1', address: '10.0.0.2/32' },
        ]),
      'EEXIST',
      /^add address 10.0.0.1\/32 to pod1: EEXIST \(17\).* \(and 1 more requests failed\)$/,
    );
    assert.deepEqual(
      here.addresses(4).map(({ address }) => address),
      ['10.0.0.1/32', '10.0.0.2/32'],
    );
  });
}
