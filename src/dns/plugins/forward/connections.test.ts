import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { type AddressInfo, createServer } from 'node:net';
import { type TestContext, test } from 'node:test';
import { answer, ask, instance, request, testContext, texts } from '#test/support/dns-plugin.ts';
import { decodeMessage, encodeMessage, HeaderFlag, typeName } from '#wire/dns.ts';
import { DnsFrameReader, frameMessage } from '#wire/dns-tcp.ts';
import { parseRecord } from '#wire/dns-text.ts';
import { forward } from './forward.ts';

/** An answer with this address to every question for an A record, and nothing to others. */
function respond(query: Buffer, address: string): Buffer {
  const message = decodeMessage(query);
  const [question] = message.questions;
  const record = { ...parseRecord(`x. 9 A ${address}`), name: question?.name ?? [] };
  const answers = typeName(question?.type ?? 0) === 'A' ? [record] : [];
  return encodeMessage({ ...message, flags: HeaderFlag.QR, answers, additionals: [] });
}

async function udpServer(t: TestContext, address: string): Promise<number> {
  const socket = createSocket('udp4');
  socket.on('message', (query, peer) => socket.send(respond(query, address), peer.port, peer.address));
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  t.after(() => socket.close());
  return socket.address().port;
}

/** A server over TCP that counts connections. */
async function tcpServer(
  t: TestContext,
  answers = true,
): Promise<{ port: number; connections: () => number }> {
  let connections = 0;
  const server = createServer((socket) => {
    connections++;
    const reader = new DnsFrameReader();
    socket.on('error', () => undefined);
    socket.on('data', (piece: Buffer) => {
      for (const query of reader.push(piece))
        if (answers) socket.write(frameMessage(respond(query, '192.0.2.1')));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  return { port: (server.address() as AddressInfo).port, connections: () => connections };
}

async function plugin(t: TestContext, text: string) {
  const stack = new AsyncDisposableStack();
  t.after(() => stack.disposeAsync());
  return instance(forward, text, testContext(stack));
}

for (const [options, connections] of [
  ['', 1],
  ['expire 0s', 3],
  ['expire 1ms\nmax_age 1ms', 3],
  ['max_age 1h', 1],
] as const) {
  test(`forward with ${options.replace('\n', ', ') || 'nothing more'} needs ${connections} connections for 3 queries`, async (t) => {
    const server = await tcpServer(t);
    const forwarder = await plugin(t, `forward . 127.0.0.1:${server.port} {\nforce_tcp\n${options}\n}`);
    for (let i = 0; i < 3; i++) {
      const found = await ask(forwarder, request('a.test', 'A'), () => answer([]));
      assert.ok(found !== 'dropped');
      assert.deepEqual(texts(found.answers), ['a.test 9 192.0.2.1']);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    assert.equal(server.connections(), connections);
  });
}

test('forward looks the addresses of a named server up at the start, where resolver says', async (t) => {
  const upstream = await udpServer(t, '192.0.2.1');
  const resolver = await udpServer(t, '127.0.0.1');
  const forwarder = await plugin(t, `forward . up.test:${upstream} {\nresolver 127.0.0.1:${resolver}\n}`);
  const query = { ...request('a.test', 'A'), notes: new Map<string, string>() };
  const found = await ask(forwarder, query, () => answer([]));
  assert.deepEqual(found !== 'dropped' && texts(found.answers), ['a.test 9 192.0.2.1']);
  assert.equal(forwarder.metadata?.(query, 'forward/upstream'), `127.0.0.1:${upstream}`);
});

test('forward refuses to start with a server whose name has no address, with its line', async (t) => {
  await assert.rejects(
    plugin(t, 'forward . nobody.invalid {\nresolver 127.0.0.1:9\n}'),
    /^CorefileError: Corefile:2: forward: nobody.invalid has no address \(\w+\), and there is no file of this name$/,
  );
});

test('forward checks a server that did not answer over TCP where force_tcp is, and counts no connection for it', async (t) => {
  const server = await tcpServer(t, false);
  const stack = new AsyncDisposableStack();
  t.after(() => stack.disposeAsync());
  const context = testContext(stack);
  const options = 'force_tcp\nread_timeout 20ms\nmax_connect_attempts 1\nhealth_check 5ms';
  const forwarder = await instance(forward, `forward . 127.0.0.1:${server.port} {\n${options}\n}`, context);
  await ask(forwarder, request('a.test', 'A'), () => answer([]));
  while (server.connections() < 2) await new Promise((resolve) => setTimeout(resolve, 5));
  assert.match(context.metrics.text(), /coredns_proxy_conn_cache_misses_total\{.*proto="tcp"\} 1\n/);
});

test('forward has all queries answered by a server that closes the connection after each answer', async (t) => {
  const server = createServer((socket) => {
    const reader = new DnsFrameReader();
    socket.on('error', () => undefined);
    socket.on('data', (piece: Buffer) => {
      const [query] = reader.push(piece);
      if (query !== undefined) socket.end(frameMessage(respond(query, '192.0.2.1')));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const forwarder = await plugin(t, `forward . 127.0.0.1:${port} {\nforce_tcp\n}`);
  const names = Array.from({ length: 100 }, (_, i) => `a${i}.test`);
  const found = await Promise.all(names.map((name) => ask(forwarder, request(name, 'A'), () => answer([]))));
  assert.deepEqual(
    found.map((result) => result !== 'dropped' && texts(result.answers)[0]),
    names.map((name) => `${name} 9 192.0.2.1`),
  );
});

test('forward has no query wait for others where a server answers those of a connection in turn', async (t) => {
  const first = Promise.withResolvers<void>();
  const server = createServer((socket) => {
    const reader = new DnsFrameReader();
    let turn: Promise<unknown> = Promise.resolve();
    socket.on('error', () => undefined);
    socket.on('data', (piece: Buffer) => {
      for (const query of reader.push(piece)) {
        const isSlow = decodeMessage(query).questions[0]?.name[0] === 'slow';
        turn = turn
          .then(() => (isSlow ? first.promise : undefined))
          .then(() => socket.write(frameMessage(respond(query, '192.0.2.1'))));
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const forwarder = await plugin(t, `forward . 127.0.0.1:${port} {\nforce_tcp\n}`);
  const get = async (name: string): Promise<unknown> => {
    const found = await ask(forwarder, request(name, 'A'), () => answer([]));
    return found !== 'dropped' && texts(found.answers)[0];
  };
  const slow = get('slow.test');
  assert.equal(await get('quick.test'), 'quick.test 9 192.0.2.1');
  first.resolve();
  assert.equal(await slow, 'slow.test 9 192.0.2.1');
});
