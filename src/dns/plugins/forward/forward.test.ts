import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createSecureServer, type ServerHttp2Stream } from 'node:http2';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { createServer as createTlsServer } from 'node:tls';
import type { DnsAnswer, DnsRequest } from '#dns/handler.ts';
import { makeCertificate } from '#test/support/certificate.ts';
import { answer, ask, instance, request, testContext, texts } from '#test/support/dns-plugin.ts';
import { decodeMessage, encodeMessage, HeaderFlag, ResponseCode } from '#wire/dns.ts';
import { DnsFrameReader, frameMessage } from '#wire/dns-tcp.ts';
import { parseRecord } from '#wire/dns-text.ts';
import { forward } from './forward.ts';
import { planOrder } from './plan-order.ts';
import { parseUpstream, readUpstreamFile } from './upstream-address.ts';

/** What a server says to a query; nothing: it stays silent. */
type Responder = (query: Buffer) => Buffer | undefined;

/** Answers every name with one address. */
function says(address: string, change: { rcode?: number; flags?: number } = {}): Responder {
  return (bytes) => {
    const query = decodeMessage(bytes);
    const [question] = query.questions;
    const record = { ...parseRecord(`x. 9 A ${address}`), name: question?.name ?? [] };
    const answers = (change.rcode ?? 0) === 0 ? [record] : [];
    const flags = HeaderFlag.QR | HeaderFlag.RA | (change.flags ?? 0);
    return encodeMessage({ ...query, flags, rcode: change.rcode ?? 0, answers, additionals: [] });
  };
}

async function udpServer(t: TestContext, respond: Responder): Promise<{ port: number; asked: () => number }> {
  const socket = createSocket('udp4');
  let asked = 0;
  socket.on('message', (query, { port, address }) => {
    asked++;
    const response = respond(query);
    if (response !== undefined) socket.send(response, port, address);
  });
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  t.after(() => socket.close());
  return { port: socket.address().port, asked: () => asked };
}

async function listen(t: TestContext, server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  return (server.address() as AddressInfo).port;
}

/** Reads framed queries; `respond` may answer in any order, later. */
function serveFrames(
  socket: Socket,
  respond: (query: Buffer, send: (response: Buffer) => void) => void,
): void {
  const reader = new DnsFrameReader();
  socket.on('error', () => undefined);
  socket.on('data', (piece: Buffer) => {
    for (const query of reader.push(piece))
      respond(query, (response) => socket.write(frameMessage(response)));
  });
}

/** Asks through a `forward` with these lines; `tcp` is the client's transport. */
async function forwarding(t: TestContext, text: string) {
  const stack = new AsyncDisposableStack();
  t.after(() => stack.disposeAsync());
  const context = testContext(stack);
  const plugin = await instance(forward, text, context);
  return async (name = 'a.test', transport: 'udp' | 'tcp' = 'udp'): Promise<DnsAnswer> => {
    const query: DnsRequest = request(name, 'A', { client: { transport } });
    const result = await ask(plugin, query, () => answer(['next.test. 1 A 192.0.2.99']));
    return result === 'dropped' ? assert.fail('no answer') : result;
  };
}

const firstText = ({ answers }: DnsAnswer): string | undefined => texts(answers)[0];

test('forward asks over UDP and hands on what it hears', async (t) => {
  const { port } = await udpServer(t, says('192.0.2.1', { flags: HeaderFlag.AD }));
  const result = await (await forwarding(t, `forward . 127.0.0.1:${port}`))();
  assert.equal(firstText(result), 'a.test 9 192.0.2.1');
  assert.equal(result.flags, HeaderFlag.RA | HeaderFlag.AD);
});

test('forward leaves alone what is not its zone or excepted', async (t) => {
  const { port, asked } = await udpServer(t, says('192.0.2.1'));
  const get = await forwarding(t, `forward test 127.0.0.1:${port} {\nexcept inner.test\n}`);
  assert.equal(firstText(await get('a.example')), 'next.test 1 192.0.2.99');
  assert.equal(firstText(await get('x.inner.test')), 'next.test 1 192.0.2.99');
  assert.equal(asked(), 0);
});

test('forward ignores responses to other questions and waits for the right one', async (t) => {
  const wrong = (query: Buffer): Buffer | undefined => {
    const message = decodeMessage(query);
    return encodeMessage({
      ...message,
      flags: HeaderFlag.QR,
      questions: [{ name: ['evil'], type: 1, class: 1 }],
    });
  };
  const socket = createSocket('udp4');
  socket.on('message', (query, { port, address }) => {
    socket.send(wrong(query) ?? '', port, address);
    setTimeout(() => socket.send(says('192.0.2.1')(query) ?? '', port, address), 5);
  });
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  t.after(() => socket.close());
  assert.equal(
    firstText(await (await forwarding(t, `forward . 127.0.0.1:${socket.address().port}`))()),
    'a.test 9 192.0.2.1',
  );
});

test('forward takes the next server when one is silent or refuses connections', async (t) => {
  const silent = await udpServer(t, () => undefined);
  const good = await udpServer(t, says('192.0.2.2'));
  const text = `forward . 127.0.0.1:${silent.port} 127.0.0.1:1 127.0.0.1:${good.port} {\npolicy sequential\nread_timeout 30ms\n}`;
  assert.equal(firstText(await (await forwarding(t, text))()), 'a.test 9 192.0.2.2');
});

test('forward fails over by response code, and tells the last answer when all fail', async (t) => {
  const bad = await udpServer(t, says('192.0.2.1', { rcode: 2 }));
  const good = await udpServer(t, says('192.0.2.2'));
  const options = '{\npolicy sequential\nfailover SERVFAIL REFUSED\n}';
  const get = await forwarding(t, `forward . 127.0.0.1:${bad.port} 127.0.0.1:${good.port} ${options}`);
  assert.equal(firstText(await get()), 'a.test 9 192.0.2.2');
  const last = await forwarding(t, `forward . 127.0.0.1:${bad.port} ${options}`);
  assert.equal((await last()).rcode, 2);
});

test('forward goes on to the next forward after the response codes of `next`', async (t) => {
  const first = await udpServer(t, says('192.0.2.1', { rcode: 3 }));
  const second = await udpServer(t, says('192.0.2.2'));
  const get = await forwarding(
    t,
    `forward . 127.0.0.1:${first.port} {\nnext NXDOMAIN\n}\nforward . 127.0.0.1:${second.port}`,
  );
  assert.equal(firstText(await get()), 'a.test 9 192.0.2.2');
});

test('forward refuses what is over max_concurrent', async (t) => {
  const silent = await udpServer(t, () => undefined);
  const get = await forwarding(
    t,
    `forward . 127.0.0.1:${silent.port} {\nmax_concurrent 1\nread_timeout 50ms\nmax_connect_attempts 1\n}`,
  );
  const first = get();
  assert.equal((await get()).rcode, 5);
  assert.equal((await first).rcode, 2);
});

test('forward fails at once when all are down and failfast says so, until one is well again', async (t) => {
  let well = false;
  const { port } = await udpServer(t, (query) => (well ? says('192.0.2.1')(query) : undefined));
  const get = await forwarding(
    t,
    `forward . 127.0.0.1:${port} {\nmax_fails 1\nhealth_check 5ms\nread_timeout 20ms\nfailfast_all_unhealthy_upstreams\n}`,
  );
  assert.equal((await get()).rcode, 2);
  well = true;
  for (;;) {
    const result = await get();
    if (result.rcode === 0) break;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
});

test('forward keeps a few TCP connections for many queries at a time, answered in any order', async (t) => {
  const names = Array.from({ length: 60 }, (_, i) => `a${i}.test`);
  let connections = 0;
  const waiting: (() => void)[] = [];
  const server = createServer((socket) => {
    connections++;
    serveFrames(socket, (query, send) => {
      waiting.unshift(() => send(says('192.0.2.1')(query) ?? Buffer.alloc(0)));
      if (waiting.length >= names.length) for (const answerIt of waiting.splice(0)) answerIt();
    });
  });
  const get = await forwarding(t, `forward . 127.0.0.1:${await listen(t, server)} {\nforce_tcp\n}`);
  const results = await Promise.all(names.map((name) => get(name)));
  assert.deepEqual(
    results.map(firstText),
    names.map((name) => `${name} 9 192.0.2.1`),
  );
  assert.equal(connections, 16);
});

test('forward opens a new TCP connection when the server has closed the one that was kept', async (t) => {
  let connections = 0;
  const server = createServer((socket) => {
    connections++;
    serveFrames(socket, (query, send) => {
      send(says('192.0.2.1')(query) ?? Buffer.alloc(0));
      socket.end();
    });
  });
  const get = await forwarding(t, `forward . 127.0.0.1:${await listen(t, server)}`);
  for (let i = 1; i <= 3; i++) {
    assert.equal(firstText(await get('a.test', 'tcp')), 'a.test 9 192.0.2.1');
    assert.equal(connections, i);
  }
});

test('forward prefer_udp asks again over TCP what came truncated', async (t) => {
  const server = createServer((socket) =>
    serveFrames(socket, (query, send) => send(says('192.0.2.7')(query) ?? Buffer.alloc(0))),
  );
  const port = await listen(t, server);
  const socket = createSocket('udp4');
  socket.on('message', (query, peer) =>
    socket.send(says('192.0.2.1', { flags: HeaderFlag.TC })(query) ?? '', peer.port, peer.address),
  );
  await new Promise<void>((resolve) => socket.bind(port, '127.0.0.1', resolve));
  t.after(() => socket.close());
  const get = await forwarding(t, `forward . 127.0.0.1:${port} {\nprefer_udp\n}`);
  assert.equal(firstText(await get('a.test', 'tcp')), 'a.test 9 192.0.2.7');
});

test('forward speaks DNS over TLS, and refuses a certificate of another name', async (t) => {
  const { cert, key, ca } = await certificateFile(t);
  const server = createTlsServer({ cert, key }, (socket) =>
    serveFrames(socket, (query, send) => send(says('192.0.2.3')(query) ?? Buffer.alloc(0))),
  );
  server.on('tlsClientError', () => undefined);
  const port = await listen(t, server);
  const good = await forwarding(
    t,
    `forward . tls://127.0.0.1:${port} {\ntls ${ca}\ntls_servername localhost\n}`,
  );
  assert.equal(firstText(await good()), 'a.test 9 192.0.2.3');
  const options = `{\ntls ${ca}\ntls_servername other.test\nmax_connect_attempts 1\n}`;
  const bad = await forwarding(t, `forward . tls://127.0.0.1:${port} ${options}`);
  assert.equal((await bad()).rcode, 2);
});

for (const method of ['POST', 'GET']) {
  test(`forward speaks DNS over HTTPS with ${method}, all queries over one connection`, async (t) => {
    const { cert, key, ca } = await certificateFile(t);
    const server = createSecureServer({ cert, key });
    let sessions = 0;
    server.on('session', () => sessions++);
    server.on('stream', (stream: ServerHttp2Stream, headers) => {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        const inPath = new URL(headers[':path'] ?? '/', 'https://x').searchParams.get('dns');
        const query = inPath === null ? Buffer.concat(chunks) : Buffer.from(inPath, 'base64url');
        assert.equal(query.readUInt16BE(0), 0);
        stream.respond({ ':status': 200, 'content-type': 'application/dns-message' });
        stream.end(says('192.0.2.4')(query));
      });
    });
    const port = await listen(t, server);
    const get = await forwarding(
      t,
      `forward . https://127.0.0.1:${port} {\ntls ${ca}\ntls_servername localhost\ndoh_method ${method}\n}`,
    );
    const found = await Promise.all([get(), get('b.test')]);
    assert.deepEqual(found.map(firstText), ['a.test 9 192.0.2.4', 'b.test 9 192.0.2.4']);
    assert.equal(sessions, 1);
  });
}

async function certificateFile(t: TestContext): Promise<{ cert: string; key: string; ca: string }> {
  const folder = mkdtempSync(join(tmpdir(), 'portolan-forward-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const { cert, key } = await makeCertificate();
  const ca = join(folder, 'ca.pem');
  writeFileSync(ca, cert);
  return { cert, key, ca };
}

test('forward outlives upstream servers that answer with rubbish', async (t) => {
  const { port } = await udpServer(t, (query) => {
    const rubbish = Buffer.concat([
      says('192.0.2.1')(query)?.subarray(0, 30) ?? query,
      Buffer.from([0xc0, 0xff, 1]),
    ]);
    rubbish.writeUInt16BE(7, 6);
    return rubbish;
  });
  assert.equal((await (await forwarding(t, `forward . 127.0.0.1:${port}`))()).rcode, 2);
});

test('planOrder() begins where the policy says', () => {
  const servers = ['a', 'b', 'c'];
  assert.deepEqual(
    planOrder('sequential', servers, 5, () => 0),
    servers,
  );
  assert.deepEqual(
    planOrder('round_robin', servers, 1, () => 0),
    ['b', 'c', 'a'],
  );
  assert.deepEqual(planOrder('random', servers, 0, () => 0).toSorted(), servers);
});

test('parseUpstream() reads schemes, names, ports and paths', () => {
  assert.deepEqual(parseUpstream('9.9.9.9'), { scheme: 'dns', address: '9.9.9.9', port: 53 });
  assert.deepEqual(parseUpstream('[::1]:5353'), { scheme: 'dns', address: '::1', port: 5353 });
  assert.deepEqual(parseUpstream('2620:fe::fe'), { scheme: 'dns', address: '2620:fe::fe', port: 53 });
  const tls = { scheme: 'tls', address: '9.9.9.9', port: 10_853, serverName: 'dns.quad9.net' };
  assert.deepEqual(parseUpstream('tls://9.9.9.9%dns.quad9.net:10853'), tls);
  assert.deepEqual(parseUpstream('https://8.8.8.8')?.path, '/dns-query');
  const named = { scheme: 'tls', address: 'dns.example', port: 853, isName: true };
  assert.deepEqual(parseUpstream('tls://dns.example'), named);
  for (const text of [
    '',
    '/x',
    'a..b',
    '1.2.3',
    '1.2.3.4:0',
    '1.2.3.4:99999',
    'udp://1.2.3.4',
    'dns://1.2.3.4/x',
  ]) {
    assert.equal(parseUpstream(text), undefined, text);
  }
});

test('readUpstreamFile() skips servers on loopback that would be this server itself', () => {
  const text = 'search x\nnameserver 127.0.0.53\nnameserver 9.9.9.9\n';
  const read = (ports: number[]) => readUpstreamFile('/x/resolv.conf', () => text, new Set(ports));
  assert.deepEqual(
    read([53]).servers.map(({ address }) => address),
    ['9.9.9.9'],
  );
  assert.deepEqual(
    read([53]).skipped.map(({ address }) => address),
    ['127.0.0.53'],
  );
  assert.equal(read([5353]).servers.length, 2);
});

test('forward tries every server twice, then says SERVFAIL and why', async (t) => {
  const [first, second] = [await udpServer(t, () => undefined), await udpServer(t, () => undefined)];
  const to = [first, second].map(({ port }) => `127.0.0.1:${port}`);
  const get = await forwarding(
    t,
    `forward . ${to.join(' ')} {\npolicy sequential\nread_timeout 30ms\nmax_fails 0\n}`,
  );
  const { rcode, error } = await get();
  assert.deepEqual([rcode, error], [ResponseCode.SERVFAIL, `read udp ${to[1]}: i/o timeout`]);
  assert.deepEqual([first.asked(), second.asked()], [2, 2]);
});

test('forward with failover gives out the last answer after as many failures as there are servers', async (t) => {
  const silent = await udpServer(t, () => undefined);
  const refused = await udpServer(t, says('192.0.2.9', { rcode: ResponseCode.REFUSED }));
  const failed = await udpServer(t, says('192.0.2.9', { rcode: ResponseCode.SERVFAIL }));
  const to = [silent, refused, failed].map(({ port }) => `127.0.0.1:${port}`).join(' ');
  const options = 'policy sequential\nread_timeout 30ms\nmax_fails 0\nfailover SERVFAIL REFUSED';
  const { rcode } = await (await forwarding(t, `forward . ${to} {\n${options}\n}`))();
  assert.equal(rcode, ResponseCode.REFUSED);
  assert.deepEqual([silent.asked(), refused.asked(), failed.asked()], [2, 2, 1]);
});

test('forward hears at once, for all queries under way, that a port is closed', async (t) => {
  const get = await forwarding(t, 'forward . 127.0.0.1:9 {\nread_timeout 60s\nmax_fails 0\n}');
  const answers = await Promise.all([get('a.test'), get('b.test'), get('c.test')]);
  assert.deepEqual(
    answers.map(({ error }) => error),
    Array.from({ length: 3 }, () => 'read udp 127.0.0.1:9: read: connection refused'),
  );
});

test('forward is asked about its own zone even where that is excepted', async (t) => {
  const { port } = await udpServer(t, says('192.0.2.1'));
  const get = await forwarding(t, `forward test 127.0.0.1:${port} {\nexcept test\n}`);
  assert.equal(firstText(await get('test')), 'test 9 192.0.2.1');
  assert.equal(firstText(await get('a.test')), 'next.test 1 192.0.2.99');
});

test('forward answers SERVFAIL, with the reason for the log, when an answer cannot be read', async (t) => {
  const cut: Responder = (query) => says('192.0.2.1')(query)?.subarray(0, -3);
  const { port } = await udpServer(t, cut);
  const { rcode, error } = await (await forwarding(t, `forward . 127.0.0.1:${port}`))();
  assert.equal(rcode, ResponseCode.SERVFAIL);
  assert.match(error ?? '', new RegExp(`^bad answer from 127.0.0.1:${port}: `));
});
