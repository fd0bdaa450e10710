import assert from 'node:assert/strict';
import dgram from 'node:dgram';
import { once } from 'node:events';
import { closeSync } from 'node:fs';
import type net from 'node:net';
import { describe, test } from 'node:test';
import { type Chain, drop, match, Nftables, reject, Transaction, table, tcp } from '#kernel/nftables.ts';
import { Rtnetlink } from '#kernel/rtnetlink.ts';
import { enterTestNamespace } from '#test/support/namespace.ts';
import { closeFd, threadLedger } from './fd-ledger.ts';
import { libc } from './libc.ts';
import { createNetworkNamespace } from './namespace.ts';
import {
  acceptOn,
  bindUdp,
  connectTcp,
  dialTcp,
  listenTcp,
  localAddress,
  sharePort,
  turnAway,
} from './socket.ts';

await enterTestNamespace();

async function readAll(socket: net.Socket): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

/** A namespace with a loopback device that is up. */
function namespaceWithLoopback(): number {
  const netns = createNetworkNamespace();
  using rtnetlink = Rtnetlink.open({ netns });
  rtnetlink.setLink('lo', { up: true });
  return netns;
}

describe('TCP', () => {
  for (const address of ['127.0.0.1', '::1']) {
    test(`a socket made in another namespace is served here, on ${address}`, async () => {
      const netns = namespaceWithLoopback();
      const fd = listenTcp({ address, port: 80, netns });
      assert.deepEqual(localAddress(fd), { address, port: 80 });
      const server = acceptOn(fd, (socket) => socket.end(`hello ${socket.remotePort}`));
      const socket = await dialTcp({ address, port: 80, netns, source: { address, port: 4000 } });
      assert.equal(await readAll(socket), 'hello 4000');
      await assert.rejects(dialTcp({ address, port: 80 }), /connect ECONNREFUSED .*:80/);
      server.close();
      await once(server, 'close');
      assert.equal(threadLedger().has(fd), false);
    });
  }

  test('a transparent socket takes an address that is not here', () => {
    const fd = listenTcp({ address: '192.0.2.1', port: 80, transparent: true });
    assert.deepEqual(localAddress(fd), { address: '192.0.2.1', port: 80 });
    closeFd(fd);
    closeFd(listenTcp({ address: '2001:db8::1', port: 80, freebind: true }));
  });

  test('what cannot be bound says why and leaves nothing open', () => {
    const before = threadLedger().list();
    assert.throws(
      () => listenTcp({ address: '192.0.2.1', port: 80 }),
      /bind 192.0.2.1:80: EADDRNOTAVAIL \(99\)/,
    );
    const fd = listenTcp({ address: '127.0.0.1', port: 8080 });
    assert.throws(
      () => listenTcp({ address: '127.0.0.1', port: 8080 }),
      /listen|bind 127.0.0.1:8080: EADDRINUSE \(98\)/,
    );
    assert.throws(
      () => connectTcp({ address: '192.0.2.1', port: 80 }),
      /connect to 192.0.2.1:80: ENETUNREACH \(101\)/,
    );
    assert.throws(() => listenTcp({ address: '::1', port: 70_000 }), /70000 is not a port/);
    assert.throws(() => listenTcp({ address: 'localhost', port: 80 }), /"localhost" is not an IP address/);
    closeFd(fd);
    assert.deepEqual(threadLedger().list(), before);
  });

  test('dialTcp() ends with its signal', async () => {
    await assert.rejects(
      dialTcp({ address: '127.0.0.1', port: 80, signal: AbortSignal.abort(new Error('too late')) }),
      /too late/,
    );
    // Nobody accepts, and the queue of one is full after two: the third waits.
    const fd = listenTcp({ address: '127.0.0.1', port: 9090, backlog: 0 });
    const filler = [await dialTcp({ address: '127.0.0.1', port: 9090 })];
    const controller = new AbortController();
    const waiting = Promise.allSettled(
      [1, 2, 3].map(() => dialTcp({ address: '127.0.0.1', port: 9090, signal: controller.signal })),
    );
    setTimeout(() => controller.abort(new Error('gave up')), 50);
    const results = await waiting;
    assert.ok(
      results.some((result) => result.status === 'rejected' && /gave up/.test(String(result.reason))),
    );
    for (const result of results) if (result.status === 'fulfilled') result.value.destroy();
    for (const socket of filler) socket.destroy();
    closeFd(fd);
  });

  test('dialTcp() is refused by what an ICMP message says, and ends with a timeout where nothing is said', async () => {
    const netns = namespaceWithLoopback();
    using nftables = Nftables.open({ netns });
    const t = table('inet', 'refusing');
    const input: Chain = {
      kind: 'chain',
      table: t,
      name: 'input',
      base: { type: 'filter', hook: 'input', priority: 0 },
    };
    nftables.run(
      new Transaction()
        .add(t)
        .add(input)
        .addRule(input, [match(tcp.dport, '==', 7), reject()])
        .addRule(input, [match(tcp.dport, '==', 8), drop]),
    );
    await assert.rejects(dialTcp({ address: '127.0.0.1', port: 7, netns }), { code: 'ECONNREFUSED' });
    await assert.rejects(dialTcp({ address: '127.0.0.1', port: 8, netns, signal: AbortSignal.timeout(50) }), {
      name: 'TimeoutError',
    });
    closeSync(netns);
  });
});

describe('UDP', () => {
  test('a socket made in another namespace is served by dgram', async () => {
    const netns = namespaceWithLoopback();
    const fd = bindUdp({ address: '127.0.0.1', port: 53, netns });
    const server = dgram.createSocket('udp4');
    server.bind({ fd });
    const client = dgram.createSocket('udp4');
    client.bind({ fd: bindUdp({ address: '127.0.0.1', port: 0, netns }) });
    client.send('ping', 53, '127.0.0.1');
    const [message] = (await once(server, 'message')) as [Buffer];
    assert.equal(message.toString(), 'ping');
    client.close();
    server.close();
  });

  for (const address of ['127.0.0.1', '::1', '0.0.0.0', '::']) {
    test(`of sockets that share a port on ${address}, one that turns away keeps what it has and gets no more`, async () => {
      const first = bindUdp({ address, port: 0 });
      const { port } = localAddress(first);
      assert.throws(() => bindUdp({ address, port, reusePort: true }), { code: 'EADDRINUSE' });
      sharePort(first);
      const second = bindUdp({ address, port, reusePort: true });
      const count = (fd: number): number => {
        let datagrams = 0;
        while (libc().recv(fd, Buffer.allocUnsafeSlow(16), 16, 0) > 0) datagrams++;
        return datagrams;
      };
      const family = address.includes(':') ? 'udp6' : 'udp4';
      const send = async (): Promise<void> => {
        for (let i = 0; i < 40; i++) {
          const client = dgram.createSocket(family);
          await new Promise((resolve) =>
            client.send('x', port, family === 'udp6' ? '::1' : '127.0.0.1', resolve),
          );
          client.close();
        }
      };
      await send();
      turnAway(second);
      await send();
      const [kept, given] = [count(second), count(first)];
      assert.ok(kept > 0 && given >= 40, `${kept} and ${given}`);
      assert.equal(kept + given, 80);
      for (const fd of [first, second]) closeFd(fd);
    });
  }
});
