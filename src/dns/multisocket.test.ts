import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import type { KubeObject } from '#api/machinery/object.ts';
import { startTestCorefile, startTestDns } from '#test/support/dns-server.ts';
import { CLASS_IN, decodeMessage, encodeQuery, HeaderFlag, parseName, RecordType } from '#wire/dns.ts';
import { corefileSource } from './corefile-source.ts';
import { startDnsServer } from './server.ts';

/** So many source ports that each of a few sockets certainly gets some. */
const CLIENTS = 50;
const WEB = 'web.default.svc.cluster.local';
const KUBERNETES = 'kubernetes cluster.local {\nstartup_timeout 5s\n}\n';

function service(name: string, address: string): KubeObject {
  const spec = { clusterIPs: [address], ports: [{ port: 80 }] };
  return { kind: 'Service', metadata: { namespace: 'default', name }, spec } as KubeObject;
}

const OBJECTS = [{ kind: 'Namespace', metadata: { name: 'default' } }, service('web', '10.96.0.20')];

/** Response code and addresses, as text. */
async function ask(port: number, name: string): Promise<string> {
  const socket = createSocket('udp4');
  const question = { name: parseName(name) ?? [], type: RecordType.A, class: CLASS_IN };
  socket.send(encodeQuery(1, question, HeaderFlag.RD), port, '127.0.0.1');
  const [response] = (await once(socket, 'message')) as [Buffer];
  socket.close();
  const { rcode, answers } = decodeMessage(response);
  return [rcode, ...answers.map(({ data }) => (data.kind === 'address' ? data.address : data.kind))].join(
    ' ',
  );
}

/** What clients at many ports are told: the different answers. */
async function askAll(port: number, name: string): Promise<unknown[]> {
  const answers = await Promise.all(Array.from({ length: CLIENTS }, () => ask(port, name)));
  return [...new Set(answers)];
}

/** How many threads of this process take queries beside its main thread. */
function frontThreads(): number {
  return readdirSync('/proc/self/task').filter((thread) =>
    readFileSync(`/proc/self/task/${thread}/comm`, 'utf8').startsWith('dns front'),
  ).length;
}

async function until(expected: string, port: number, name: string): Promise<void> {
  while ((await ask(port, name)) !== expected);
}

test('a changed Service is given by no thread as it was, once one thread has given it as it is', async (t) => {
  const { api, port } = await startTestDns(t, { objects: OBJECTS, plugins: `multisocket 4\n${KUBERNETES}` });
  assert.equal(frontThreads(), 3);
  for (let change = 1; change < 20; change++) {
    const address = `10.96.1.${change}`;
    api.apply(service('web', address));
    await until(`0 ${address}`, port, WEB);
    for (let round = 0; round < 2; round++) assert.deepEqual(await askAll(port, WEB), [`0 ${address}`]);
  }
  api.delete(service('web', ''));
  await until('3', port, WEB);
  assert.deepEqual(await askAll(port, WEB), ['3']);
});

test('a name that did not exist is denied by no thread, once one thread knows of it', async (t) => {
  const { api, port } = await startTestDns(t, { objects: OBJECTS, plugins: `multisocket 4\n${KUBERNETES}` });
  for (let change = 1; change < 10; change++) {
    const name = `new-${change}.default.svc.cluster.local`;
    for (let round = 0; round < 2; round++) assert.deepEqual(await askAll(port, name), ['3']);
    api.apply(service(`new-${change}`, '10.96.2.1'));
    await until('0 10.96.2.1', port, name);
    assert.deepEqual(await askAll(port, name), ['0 10.96.2.1']);
  }
});

/** The sum of a metric over all its labels. */
async function metric(page: string, name: string): Promise<number> {
  const text = await (await fetch(page)).text();
  const lines = text.split('\n').filter((line) => line.startsWith(`${name}{`));
  return lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
}

/** A port that nothing listens on, for pages. */
async function freePort(): Promise<number> {
  const socket = createSocket('udp4');
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  const { port } = socket.address();
  socket.close();
  return port;
}

test('/metrics has every query once, whichever thread answered it', async (t) => {
  const page = `127.0.0.1:${await freePort()}`;
  const hosts = 'hosts {\n192.0.2.1 a.example\n}';
  const { port } = await startTestCorefile(
    t,
    `.:0 {\nbind 127.0.0.1\nmultisocket 3\nprometheus ${page}\ncache 30\n${hosts}\n}`,
  );
  for (let round = 1; round < 4; round++) {
    assert.deepEqual(await askAll(port, 'a.example'), ['0 192.0.2.1']);
    const url = `http://${page}/metrics`;
    for (const name of [
      'coredns_dns_requests_total',
      'coredns_dns_responses_total',
      'coredns_dns_response_size_bytes_count',
      'coredns_cache_requests_total',
    ])
      assert.equal(await metric(url, name), round * CLIENTS, name);
    // How long an answer took is counted when it is on its way.
    while ((await metric(url, 'coredns_dns_request_duration_seconds_count')) < round * CLIENTS);
    assert.equal(await metric(url, 'coredns_dns_request_duration_seconds_count'), round * CLIENTS);
    const misses = await metric(url, 'coredns_cache_misses_total');
    assert.equal(await metric(url, 'coredns_cache_hits_total'), round * CLIENTS - misses);
  }
});

/** A server whose Corefile can be changed. */
async function startChanging(t: TestContext, plugins: string) {
  const current = { text: '' };
  const use = (changed: string): void => {
    current.text = `.:0 {\nbind 127.0.0.1\n${changed}\n}`;
  };
  use(plugins);
  const server = await startDnsServer({
    load: () => corefileSource({ text: current.text, name: 'Corefile' }).load(),
    text: () => Promise.resolve(current.text),
    apiClient: () => Promise.reject(new Error('none')),
    log: () => {},
  });
  t.after(() => server[Symbol.asyncDispose]());
  return { server, use, port: server.addresses[0]?.port ?? assert.fail('no listener') };
}

test('a reload changes the number of threads and all answers, and loses no query', async (t) => {
  const plugins = (sockets: string, address: string): string =>
    `${sockets}\ncache 30\nhosts {\n${address} a.example\n}`;
  const { server, use, port } = await startChanging(t, plugins('multisocket 3', '192.0.2.1'));
  for (const [i, sockets] of [
    'multisocket 2',
    '',
    'multisocket 4',
    'multisocket 1',
    'multisocket 2',
  ].entries()) {
    use(plugins(sockets, `192.0.2.${i + 2}`));
    const meanwhile = Array.from({ length: 4 }, () => askAll(port, 'a.example'));
    await server.reload();
    assert.equal(frontThreads(), Math.max(0, Number(sockets.split(' ')[1] ?? 1) - 1));
    for (const answers of await Promise.all(meanwhile))
      for (const answer of answers)
        assert.ok([`0 192.0.2.${i + 1}`, `0 192.0.2.${i + 2}`].includes(String(answer)));
    for (let round = 0; round < 2; round++)
      assert.deepEqual(await askAll(port, 'a.example'), [`0 192.0.2.${i + 2}`]);
  }
});

test('there are no threads where every query has to be seen by a plugin', async (t) => {
  const hosts = 'hosts {\n192.0.2.1 a.example\n}';
  const { port } = await startTestCorefile(t, `.:0 {\nbind 127.0.0.1\nmultisocket 4\nlog\n${hosts}\n}`);
  assert.equal(frontThreads(), 0);
  assert.deepEqual(await askAll(port, 'a.example'), ['0 192.0.2.1']);
});

test('stop() answers what is on its way, then ends threads and sockets', async (t) => {
  const upstream = createSocket('udp4');
  const heard = { queries: 0 };
  upstream.on('message', (query, { port, address }) => {
    heard.queries++;
    const refused = Buffer.from(query);
    refused.writeUInt16BE(0x8005, 2);
    setTimeout(() => upstream.send(refused, port, address), 100);
  });
  await new Promise<void>((resolve) => upstream.bind(0, '127.0.0.1', resolve));
  t.after(() => upstream.close());
  const { server, port } = await startChanging(
    t,
    `multisocket 4\ncache 30\nforward . 127.0.0.1:${upstream.address().port}`,
  );
  assert.equal(frontThreads(), 3);
  const asked = Array.from({ length: CLIENTS }, (_, i) => ask(port, `host-${i}.example`));
  while (heard.queries < CLIENTS) await once(upstream, 'message');
  await server.stop();
  assert.equal(frontThreads(), 0);
  assert.deepEqual(new Set(await Promise.all(asked)), new Set(['5']));
  // The port is free again.
  const socket = createSocket('udp4');
  await new Promise<void>((resolve) => socket.bind(port, '127.0.0.1', resolve));
  socket.close();
});

test('two servers with multisocket do not share a port by mistake', async (t) => {
  const corefile = (port: number): string =>
    `.:${port} {\nbind 127.0.0.1\nmultisocket 2\ncache 30\nhosts {\n192.0.2.1 a.example\n}\n}`;
  const { port } = await startTestCorefile(t, corefile(0));
  await assert.rejects(startTestCorefile(t, corefile(port)), /another program has the port/);
  assert.equal(frontThreads(), 1);
});
