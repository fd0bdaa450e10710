import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { Rtnetlink } from '#kernel/rtnetlink.ts';
import { acceptOn, descriptorOf, dialTcp, listenTcp, originalDestination } from '#os/socket.ts';
import { enterTestNamespace } from '#test/support/namespace.ts';
import { Nftables } from './nftables.ts';
import type { Chain, NftMap } from './objects.ts';
import { table } from './objects.ts';
import { ct, ip, ip6, meta, numgen, tcp, th } from './selectors.ts';
import { accept, dnat, hasAny, match, redirect, reject, setMark, update, vmap } from './statements.ts';
import { Transaction } from './transaction.ts';

await enterTestNamespace();

const BACKENDS = [8001, 8002, 8003];
const t = table('inet', 'packets');
const output: Chain = {
  kind: 'chain',
  table: t,
  name: 'output',
  base: { type: 'nat', hook: 'output', priority: -100 },
};
const filter: Chain = {
  kind: 'chain',
  table: t,
  name: 'filter',
  base: { type: 'filter', hook: 'output', priority: 0 },
};
const three: Chain = { kind: 'chain', table: t, name: 'three' };
const sticky: Chain = { kind: 'chain', table: t, name: 'sticky' };
const services: NftMap = {
  kind: 'map',
  table: t,
  name: 'services',
  key: ['ipv4_addr', 'inet_proto', 'inet_service'],
  data: 'verdict',
};
const endpoints: NftMap = {
  ...services,
  name: 'endpoints',
  key: [...services.key, 'mark'],
  data: ['ipv4_addr', 'inet_service'],
};
const affinity: NftMap = {
  kind: 'map',
  table: t,
  name: 'affinity',
  key: ['ipv4_addr', 'ipv4_addr', 'inet_service'],
  data: ['mark'],
  dynamic: true,
  timeoutMs: 60_000,
};

const address = [ip.daddr, meta('l4proto'), th.dport];
const client = [ip.saddr, ip.daddr, th.dport];
const index = { kind: 'map', map: affinity, key: client } as const;

/** Connects and returns what the other side says first. */
async function ask(target: string, port: number): Promise<string> {
  const socket = await dialTcp({ address: target, port, signal: AbortSignal.timeout(10_000) });
  try {
    for await (const chunk of socket) return String(chunk);
    return '';
  } finally {
    socket.destroy();
  }
}

describe('packets', () => {
  before(() => {
    for (const port of BACKENDS) {
      for (const host of ['127.0.0.1', '::1'])
        acceptOn(listenTcp({ address: host, port }), (socket) => socket.end(String(port))).unref();
    }
    using rtnetlink = Rtnetlink.open();
    rtnetlink.addRoute({ destination: '10.96.0.0/16', link: 'lo', source: '127.0.0.1' });
    rtnetlink.addAddress({ link: 'lo', address: 'fd00:10:96::a/128' });
    using nftables = Nftables.open();
    const backends = BACKENDS.map((port, i) => ({ port, i }));
    nftables.run(
      new Transaction()
        .add(t, services, endpoints, affinity, output, filter, three, sticky)
        .addRule(output, [
          match(meta('nfproto'), '==', 'ipv6'),
          match(ip6.daddr, '==', 'fd00:10:96::a'),
          match(tcp.dport, '==', 80),
          dnat({ address: '::1', port: 8002 }),
        ])
        .addRule(output, [
          match(ip.daddr, '==', '10.96.9.0/24'),
          match(tcp.dport, '==', '1-1000'),
          redirect(8000),
        ])
        .addRule(output, [vmap(address, services)])
        .addRule(three, [dnat({ map: endpoints, key: [...address, numgen(3, 'inc')] })])
        .addRule(sticky, [dnat({ map: endpoints, key: [...address, index] })])
        .addRule(sticky, [update(affinity, client, { data: [numgen(3, 'random')] })])
        .addRule(sticky, [dnat({ map: endpoints, key: [...address, index] })])
        .addRule(filter, [hasAny(ct('status'), 'dnat'), accept])
        .addRule(filter, [match(ip.daddr, '==', '10.96.0.0/16'), reject('tcp reset')])
        .addRule(filter, [match(ip.daddr, '==', '127.0.0.1'), setMark(0x10, 0xf0)])
        .addElements(services, [
          { key: ['10.96.0.1', 'tcp', 80], data: { goto: three.name } },
          { key: ['10.96.0.2', 'tcp', 80], data: { goto: sticky.name } },
        ])
        .addElements(
          endpoints,
          ['10.96.0.1', '10.96.0.2'].flatMap((vip) =>
            backends.map(({ port, i }) => ({ key: [vip, 'tcp', 80, i], data: ['127.0.0.1', port] })),
          ),
        ),
    );
  });

  test('one map with an index in its key balances over endpoints', async () => {
    const answers: string[] = [];
    for (let i = 0; i < 6; i++) answers.push(await ask('10.96.0.1', 80));
    assert.deepEqual(answers.slice(0, 3).sort(), BACKENDS.map(String));
    assert.deepEqual(answers.slice(0, 3), answers.slice(3));
  });

  test('a map that rules write to keeps a client with its endpoint', async () => {
    const answers = new Set<string>();
    for (let i = 0; i < 8; i++) answers.add(await ask('10.96.0.2', 80));
    assert.equal(answers.size, 1);
    using nftables = Nftables.open();
    const [element, ...others] = nftables.elements(affinity);
    assert.equal(others.length, 0);
    assert.deepEqual(element?.key.slice(1), ['10.96.0.2', 80]);
    const chosen = Array.isArray(element?.data) ? Number(element.data[0]) : -1;
    assert.deepEqual([...answers], [String(BACKENDS[chosen])]);
  });

  test('what no element names is refused, an element more and it is served', async () => {
    await assert.rejects(ask('10.96.0.3', 80), /ECONNREFUSED/);
    using nftables = Nftables.open();
    nftables.run(
      new Transaction()
        .addElements(
          endpoints,
          [0, 1, 2].map((i) => ({ key: ['10.96.0.3', 'tcp', 80, i], data: ['127.0.0.1', 8003] })),
        )
        .addElements(services, [{ key: ['10.96.0.3', 'tcp', 80], data: { goto: three.name } }]),
    );
    assert.equal(await ask('10.96.0.3', 80), '8003');
  });

  test('IPv6 destinations are translated', async () => {
    assert.equal(await ask('fd00:10:96::a', 80), '8002');
  });

  test('originalDestination() tells where a redirected connection was going', async () => {
    const fd = listenTcp({ address: '0.0.0.0', port: 8000 });
    const server = acceptOn(fd, (socket) => {
      const { address: host, port } = originalDestination(descriptorOf(socket));
      socket.end(`${host} ${port}`);
    });
    assert.equal(await ask('10.96.9.7', 443), '10.96.9.7 443');
    server.close();
  });
});
