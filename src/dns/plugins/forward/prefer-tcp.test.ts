import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { type AddressInfo, createServer } from 'node:net';
import { type TestContext, test } from 'node:test';
import { MetricRegistry } from '#dns/metric-registry.ts';
import { ask, instance, request, testContext } from '#test/support/dns-plugin.ts';
import { HeaderFlag } from '#wire/dns.ts';
import { DnsFrameReader, frameMessage } from '#wire/dns-tcp.ts';
import { StreamExchanger } from './exchange-stream.ts';
import { forward } from './forward.ts';
import { exchangePreferTcp } from './prefer-tcp.ts';

const QUERY = Buffer.from('0001010000010000000000000161000001', 'hex');

function reply(flags = 0): Buffer {
  const response = Buffer.from(QUERY);
  response.writeUInt16BE(HeaderFlag.QR | flags, 2);
  return response;
}

/** A server whose transports answer, or not. */
function upstream(answers: { tcp?: () => Buffer; udp?: () => Buffer }) {
  const asked: string[] = [];
  return {
    name: '192.0.2.53:53',
    tcpStalledUntilMs: 0,
    asked,
    exchange(_query: Buffer, transport: 'udp' | 'tcp'): Promise<Buffer> {
      asked.push(transport);
      const respond = answers[transport];
      return respond === undefined ? Promise.reject(new Error('nothing came')) : Promise.resolve(respond());
    },
  };
}

const stalls = () => new MetricRegistry().counter('stalls', 'Stalls.', ['to']);

test('prefer_tcp asks over TCP as long as there are answers', async () => {
  const server = upstream({ tcp: () => reply(), udp: () => reply() });
  await exchangePreferTcp(server, QUERY, 1000, stalls());
  await exchangePreferTcp(server, QUERY, 1000, stalls());
  assert.deepEqual(server.asked, ['tcp', 'tcp']);
});

test('prefer_tcp asks over UDP when nothing comes over TCP, at once the next time, and counts it', async () => {
  const server = upstream({ udp: () => reply() });
  const counted = stalls();
  await exchangePreferTcp(server, QUERY, 1000, counted);
  await exchangePreferTcp(server, QUERY, 1000, counted);
  assert.deepEqual(server.asked, ['tcp', 'udp', 'udp']);
  assert.equal(counted.with(server.name).value, 1);
});

test('prefer_tcp tries TCP again after a while', async () => {
  const server = upstream({ tcp: () => reply(), udp: () => reply() });
  server.tcpStalledUntilMs = Date.now() + 60_000;
  await exchangePreferTcp(server, QUERY, 1000, stalls());
  server.tcpStalledUntilMs = Date.now() - 1;
  await exchangePreferTcp(server, QUERY, 1000, stalls());
  assert.deepEqual(server.asked, ['udp', 'tcp']);
});

test('prefer_tcp hands on a truncated answer only when there is no whole one over TCP', async () => {
  const truncated = reply(HeaderFlag.TC);
  for (const whole of [reply(), undefined]) {
    const server = upstream({ udp: () => truncated, ...(whole && { tcp: () => whole }) });
    server.tcpStalledUntilMs = Date.now() + 60_000;
    assert.equal(await exchangePreferTcp(server, QUERY, 1000, stalls()), whole ?? truncated);
  }
});

test('prefer_tcp rejects when there is no answer over either', async () => {
  await assert.rejects(exchangePreferTcp(upstream({}), QUERY, 1000, stalls()), /nothing came/);
});

/** Answers on a connection's first query and never again, as a server does that went without a word. */
async function silentAfterFirst(t: TestContext): Promise<{ port: number; connections: () => number }> {
  let connections = 0;
  const server = createServer((socket) => {
    connections++;
    const reader = new DnsFrameReader();
    let answered = false;
    socket.on('error', () => undefined);
    socket.on('data', (piece: Buffer) => {
      for (const query of reader.push(piece)) {
        if (answered) continue;
        answered = true;
        query.writeUInt16BE(HeaderFlag.QR, 2);
        socket.write(frameMessage(query));
      }
    });
    t.after(() => socket.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  return { port: (server.address() as AddressInfo).port, connections: () => connections };
}

test('a kept connection on which nothing comes any more is given up', async (t) => {
  const { port, connections } = await silentAfterFirst(t);
  const counter = { hit: () => undefined, miss: () => undefined };
  using exchanger = new StreamExchanger({
    address: '127.0.0.1',
    port,
    expireMs: 10_000,
    maxAgeMs: 0,
    maxIdleConnections: 0,
    tls: undefined,
    counter,
  });
  await exchanger.exchange(QUERY, 5000);
  await assert.rejects(exchanger.exchange(QUERY, 50));
  await exchanger.exchange(QUERY, 5000);
  assert.equal(connections(), 2);
});

test('forward with prefer_tcp has its answer from a server that only answers over UDP', async (t) => {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    t.after(() => socket.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const socket = createSocket('udp4');
  socket.on('message', (query, peer) => {
    query.writeUInt16BE(HeaderFlag.QR, 2);
    socket.send(query, peer.port, peer.address);
  });
  await new Promise<void>((resolve) => socket.bind(port, '127.0.0.1', resolve));
  t.after(() => socket.close());

  const stack = new AsyncDisposableStack();
  t.after(() => stack.disposeAsync());
  const text = `forward . 127.0.0.1:${port} {\nprefer_tcp\nread_timeout 200ms\n}`;
  const plugin = await instance(forward, text, testContext(stack));
  const result = await ask(plugin, request('a.test', 'A', {}), () =>
    assert.fail('the next plugin was asked'),
  );
  assert.deepEqual(result === 'dropped' ? result : result.rcode, 0);
});

for (const other of ['force_tcp', 'prefer_udp']) {
  test(`forward refuses prefer_tcp beside ${other}`, async (t) => {
    const stack = new AsyncDisposableStack();
    t.after(() => stack.disposeAsync());
    const text = `forward . 127.0.0.1 {\nprefer_tcp\n${other}\n}`;
    await assert.rejects(
      async () => instance(forward, text, testContext(stack)),
      new RegExp(`prefer_tcp and ${other} exclude each other`),
    );
  });
}
