import assert from 'node:assert/strict';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { test } from 'node:test';
import { closeFd } from './fd-ledger.ts';
import { waitReadable } from './readable.ts';
import { bindUdp, localAddress } from './socket.ts';
import { askedAddress, peerAddress, UdpBatch } from './udp-batch.ts';
import { watchByPolling, watchByReading } from './udp-ready.ts';

interface Pair extends AsyncDisposable {
  readonly fd: number;
  readonly port: number;
  readonly client: Socket;
  readonly received: { text: string; from: string }[];
}

/** A raw socket bound to `address`, and a client with what came back to it. */
async function makePair(address: string, type: 'udp4' | 'udp6'): Promise<Pair> {
  const fd = bindUdp({ address, port: 0 });
  const client = createSocket(type);
  const received: Pair['received'] = [];
  client.on('message', (message, peer) => received.push({ text: message.toString(), from: peer.address }));
  await new Promise<void>((resolve) => client.bind(0, type === 'udp4' ? '127.0.0.1' : '::1', resolve));
  return {
    fd,
    port: localAddress(fd).port,
    client,
    received,
    async [Symbol.asyncDispose]() {
      await new Promise<void>((resolve) => client.close(resolve));
    },
  };
}

/** Answers the first `count` slots with their text in upper case, those that begin with `-` not at all. */
function shout(batch: UdpBatch, count: number): void {
  for (let slot = 0; slot < count; slot++) {
    const start = batch.start(slot);
    const text = batch.data.toString('latin1', start, start + batch.length(slot));
    batch.answer(slot, text.startsWith('-') ? 0 : batch.data.write(text.toUpperCase(), start, 'latin1'));
  }
  batch.send(count);
}

for (const [address, type, family] of [
  ['127.0.0.1', 'udp4', 4],
  ['::1', 'udp6', 6],
] as const) {
  test(`a batch answers its slots in place and leaves out those without an answer, over IPv${family}`, async () => {
    await using pair = await makePair(address, type);
    const batch = new UdpBatch(pair.fd, { family, slots: 4 });
    assert.equal(batch.receive(), 0);
    for (const text of ['-a', 'b', '-c', 'd', 'e', 'f']) pair.client.send(text, pair.port, address);
    while (pair.received.length < 4) {
      await waitReadable([pair.fd]);
      const count = batch.receive();
      assert.ok(count <= 4);
      shout(batch, count);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    assert.deepEqual(pair.received.map(({ text }) => text).toSorted(), ['B', 'D', 'E', 'F']);
    closeFd(pair.fd);
  });
}

test('a datagram that does not fit its slot has length 0', async () => {
  await using pair = await makePair('127.0.0.1', 'udp4');
  const batch = new UdpBatch(pair.fd, { family: 4, slots: 2, slotBytes: 16 });
  pair.client.send('x'.repeat(17), pair.port, '127.0.0.1');
  await waitReadable([pair.fd]);
  assert.equal(batch.receive(), 1);
  assert.equal(batch.length(0), 0);
  closeFd(pair.fd);
});

test('with pinSource an answer leaves from the address that was asked, at once and later', async () => {
  await using pair = await makePair('0.0.0.0', 'udp4');
  const batch = new UdpBatch(pair.fd, { family: 4, pinSource: true });
  for (const asked of ['127.0.0.2', '127.0.0.3']) {
    pair.client.send('hello', pair.port, asked);
    await waitReadable([pair.fd]);
    assert.equal(batch.receive(), 1);
    const peer = batch.peer(0);
    assert.equal(askedAddress(peer), asked);
    assert.deepEqual(peerAddress(peer), { address: '127.0.0.1', port: pair.client.address().port });
    shout(batch, 1);
    assert.ok(batch.reply(peer, Buffer.alloc(8000, 'x')));
    while (pair.received.length < 2) await once(pair.client, 'message');
    assert.deepEqual(
      pair.received.splice(0).map(({ from }) => from),
      [asked, asked],
    );
  }
  closeFd(pair.fd);
});

test('put() adds a datagram that was read elsewhere, to be answered with those behind it', async () => {
  await using pair = await makePair('127.0.0.1', 'udp4');
  const batch = new UdpBatch(pair.fd, { family: 4 });
  const watch = await watchByReading(pair.fd, 4, (message, peer) => {
    assert.ok(batch.put(0, message, peer));
    shout(batch, batch.receive(1));
  });
  for (let i = 0; i < 100; i++) pair.client.send(`m${i}`, pair.port, '127.0.0.1');
  while (pair.received.length < 100) await once(pair.client, 'message');
  assert.equal(new Set(pair.received.map(({ text }) => text)).size, 100);
  await watch[Symbol.asyncDispose]();
});

test('watchByPolling() tells of datagrams without reading them, and ends when it is disposed of', async () => {
  await using pair = await makePair('127.0.0.1', 'udp4');
  const batch = new UdpBatch(pair.fd, { family: 4 });
  const watch = watchByPolling(pair.fd, () => {
    const count = batch.receive();
    shout(batch, count);
    return count > 0;
  });
  for (let round = 0; round < 3; round++) {
    pair.client.send(`m${round}`, pair.port, '127.0.0.1');
    await once(pair.client, 'message');
  }
  await watch[Symbol.asyncDispose]();
  assert.deepEqual(
    pair.received.map(({ text }) => text),
    ['M0', 'M1', 'M2'],
  );
});

for (const [address, type, family] of [
  ['127.0.0.1', 'udp4', 4],
  ['::1', 'udp6', 6],
] as const) {
  test(`what is peeked at stays in the socket, whole and in order, until it is received, over IPv${family}`, async () => {
    await using pair = await makePair(address, type);
    const first = new UdpBatch(pair.fd, { family, slots: 3, slotBytes: 64 });
    const lengths = (batch: UdpBatch, count: number): number[] =>
      Array.from({ length: count }, (_, slot) => batch.length(slot));
    for (const size of [5, 1000, 7, 9, 0]) pair.client.send('x'.repeat(size), pair.port, address);
    await waitReadable([pair.fd]);
    await new Promise((resolve) => setTimeout(resolve, 20));
    // One that does not fit has no length.
    assert.deepEqual(lengths(first, first.peek()), [5, 0, 7]);
    // The process was killed here: its successor finds the same.
    const second = new UdpBatch(pair.fd, { family, slots: 3, slotBytes: 64 });
    assert.deepEqual(lengths(second, second.peek()), [5, 0, 7]);
    const taken = new UdpBatch(pair.fd, { family, slots: 3, slotBytes: 64 });
    assert.equal(taken.receive(0, 3), 3);
    assert.ok(taken.isLike(second, 3));
    assert.deepEqual(lengths(second, second.peek()), [9, 0]);
    // Somebody else has taken one meanwhile.
    assert.equal(first.receive(0, 1), 1);
    pair.client.send('another', pair.port, address);
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert.equal(taken.receive(0, 2), 2);
    assert.ok(!taken.isLike(second, 2));
    assert.equal(second.peek(), 0);
    closeFd(pair.fd);
  });
}
