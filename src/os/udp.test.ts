import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type Chain,
  match,
  meta,
  Nftables,
  setMark,
  Transaction,
  table,
  tproxy,
  udp as udpHeader,
  verdict,
} from '#kernel/nftables.ts';
import { Rtnetlink } from '#kernel/rtnetlink.ts';
import { ip } from '#lib/ip.ts';
import { enterTestNamespace } from '#test/support/namespace.ts';
import { closeFd } from './fd-ledger.ts';
import { createNetworkNamespace } from './namespace.ts';
import { waitReadable } from './readable.ts';
import { bindUdp, localAddress } from './socket.ts';
import { bindForeignUdp, recvFromOriginal, sendTo, wantOriginalDestination } from './udp.ts';

await enterTestNamespace();

const GATEWAY_MAC = '02:00:00:00:00:01';
const CLIENT_MAC = '02:00:00:00:00:02';

/** Another namespace whose packets all come to this one. Returns its descriptor. */
function makeClient(): number {
  const netns = createNetworkNamespace();
  using here = Rtnetlink.open();
  using there = Rtnetlink.open({ netns });
  const peer = { name: 'eth0', index: 2, mac: CLIENT_MAC, netns };
  here.createVeth({ name: 'client', index: 10, mac: GATEWAY_MAC, up: true, peer });
  there.setLink('eth0', { up: true });
  for (const [gateway, client, all] of [
    ['10.0.0.1', '10.0.0.2', '0.0.0.0/0'],
    ['fd00::1', 'fd00::2', '::/0'],
  ] as const) {
    here.run([
      { do: 'addAddress', link: 10, address: `${gateway}/${gateway.includes(':') ? 64 : 24}` },
      { do: 'addNeighbour', link: 10, address: client, mac: CLIENT_MAC },
    ]);
    there.run([
      { do: 'addAddress', link: 2, address: `${client}/${client.includes(':') ? 64 : 24}` },
      { do: 'addNeighbour', link: 2, address: gateway, mac: GATEWAY_MAC },
      { do: 'addRoute', destination: all, via: gateway, link: 2 },
    ]);
  }
  return netns;
}

/** Hands every datagram to somebody else's port 53 to our port 5353, as a gateway does. */
function divert(): void {
  using rtnetlink = Rtnetlink.open();
  for (const family of [4, 6] as const) {
    rtnetlink.addRule({ family, priority: 100, mark: 1, table: 100 });
    const all = family === 4 ? '0.0.0.0/0' : '::/0';
    rtnetlink.addRoute({ destination: all, type: 'local', link: 'lo', table: 100 });
  }
  using nftables = Nftables.open();
  const t = table('inet', 'divert');
  const base = { type: 'filter', hook: 'prerouting', priority: -150 } as const;
  const chain: Chain = { kind: 'chain', table: t, name: 'prerouting', base };
  const transaction = new Transaction().add(t, chain);
  for (const [family, network] of [
    ['ip', 'ipv4'],
    ['ip6', 'ipv6'],
  ] as const) {
    const isOurs = [match(meta('nfproto'), '==', network), match(udpHeader.dport, '==', 53)];
    transaction.addRule(chain, [...isOurs, tproxy(family, { port: 5353 }), setMark(1), verdict('accept')]);
  }
  nftables.run(transaction);
}

const netns = makeClient();
divert();

for (const [family, any, own, foreign] of [
  [4, '0.0.0.0', '10.0.0.2', '198.51.100.7'],
  [6, '::', 'fd00::2', '2001:db8::7'],
] as const) {
  test(`recvFromOriginal() tells where an IPv${family} datagram was going, sendTo() answers in its name`, async () => {
    const gateway = bindUdp({ address: any, port: 5353, transparent: true });
    wantOriginalDestination(gateway, family);
    const client = bindUdp({ address: own, port: 0, netns });
    wantOriginalDestination(client, family);
    const buffer = Buffer.allocUnsafeSlow(2048);
    assert.equal(recvFromOriginal(gateway, buffer), undefined);
    assert.ok(sendTo(client, Buffer.from('query'), { address: ip(foreign), port: 53 }));

    await waitReadable([gateway]);
    const received = recvFromOriginal(gateway, buffer);
    assert.ok(received !== undefined);
    assert.equal(buffer.toString('utf8', 0, received.length), 'query');
    assert.deepEqual(received.destination, { address: foreign, port: 53 });
    assert.deepEqual(received.source, localAddress(client));

    const answering = bindForeignUdp(received.destination);
    assert.ok(sendTo(answering, Buffer.from('answer'), received.source));
    await waitReadable([client]);
    const answer = recvFromOriginal(client, buffer);
    assert.equal(buffer.toString('utf8', 0, answer?.length), 'answer');
    assert.deepEqual(answer?.source, { address: foreign, port: 53 });
    for (const fd of [gateway, client, answering]) closeFd(fd);
  });
}

test('recvFromOriginal() of a socket that does not tell throws', async () => {
  const fd = bindUdp({ address: '127.0.0.1', port: 0 });
  sendTo(fd, Buffer.from('x'), localAddress(fd));
  await waitReadable([fd]);
  assert.throws(
    () => recvFromOriginal(fd, Buffer.allocUnsafeSlow(10)),
    /does not tell where datagrams were going/,
  );
  closeFd(fd);
});
