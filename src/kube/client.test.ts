import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import type { ConfigMap } from '#api/core/v1.gen.ts';
import { ApiClient, type TypedWatchEvent } from './client.ts';
import { ConnectionError, isConflict, isGone, isNotFound } from './errors.ts';
import { CONFIG_MAPS, ENDPOINT_SLICES, NODES, PODS } from './resources.ts';

interface Received {
  method: string;
  url: string;
  headers: IncomingMessage['headers'];
  body: string;
}

type Answer = (request: Received, response: ServerResponse) => void;

/** An HTTP server that answers as the test says, and a client of it. */
async function serve(answer: Answer) {
  const received: Received[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk) => (body += String(chunk)));
    request.on('end', () => {
      const seen = { method: request.method ?? '', url: request.url ?? '', headers: request.headers, body };
      received.push(seen);
      answer(seen, response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const client = new ApiClient({ server: `http://127.0.0.1:${port}`, token: 'abc', userAgent: 'test/1' });
  const close = () => {
    client[Symbol.dispose]();
    server.closeAllConnections();
    server.close();
  };
  return { client, received, [Symbol.dispose]: close };
}

const json = (response: ServerResponse, body: unknown, code = 200) =>
  response.writeHead(code, { 'content-type': 'application/json' }).end(JSON.stringify(body));
const refusal = (code: number, reason: string) => ({
  kind: 'Status',
  status: 'Failure',
  code,
  reason,
  message: reason,
});

test('the client addresses collections, objects and subresources as the API names them', async () => {
  using api = await serve((_request, response) =>
    json(response, { metadata: { resourceVersion: '7' }, items: [] }),
  );
  const { client, received } = api;
  await client.list(PODS, { labelSelector: 'a=b,c', limit: 5 });
  await client.get(NODES, { name: 'node-1' });
  await client.create(
    ENDPOINT_SLICES,
    { metadata: { namespace: 'n' }, addressType: 'IPv4' },
    { dryRun: true },
  );
  await client.updateStatus(PODS, { metadata: { namespace: 'n', name: 'p' } });
  await client.createSubresource(PODS, { namespace: 'n', name: 'p' }, 'binding', {
    target: { name: 'node-1' },
  });
  await client.patch(
    PODS,
    { namespace: 'n', name: 'p' },
    { a: 1 },
    { type: 'strategic', subresource: 'status' },
  );
  await client.delete(
    PODS,
    { namespace: 'n', name: 'p' },
    { gracePeriodSeconds: 0, preconditions: { uid: 'u' } },
  );
  await client.deleteCollection(PODS, { namespace: 'n', fieldSelector: 'spec.nodeName=x' });
  assert.deepEqual(
    received.map(({ method, url }) => `${method} ${url}`),
    [
      'GET /api/v1/pods?labelSelector=a%3Db%2Cc&limit=5',
      'GET /api/v1/nodes/node-1',
      'POST /apis/discovery.k8s.io/v1/namespaces/n/endpointslices?dryRun=All',
      'PUT /api/v1/namespaces/n/pods/p/status',
      'POST /api/v1/namespaces/n/pods/p/binding',
      'PATCH /api/v1/namespaces/n/pods/p/status',
      'DELETE /api/v1/namespaces/n/pods/p',
      'DELETE /api/v1/namespaces/n/pods?fieldSelector=spec.nodeName%3Dx',
    ],
  );
  assert.equal(
    received[2]?.body,
    '{"metadata":{"namespace":"n"},"addressType":"IPv4","apiVersion":"discovery.k8s.io/v1","kind":"EndpointSlice"}',
  );
  assert.equal(received[5]?.headers['content-type'], 'application/strategic-merge-patch+json');
  assert.deepEqual(JSON.parse(received[6]?.body ?? ''), {
    apiVersion: 'v1',
    kind: 'DeleteOptions',
    gracePeriodSeconds: 0,
    preconditions: { uid: 'u' },
  });
  assert.equal(received[0]?.headers.authorization, 'Bearer abc');
  assert.equal(received[0]?.headers['user-agent'], 'test/1');
});

test('the client rejects with the Status of the server when it refuses', async () => {
  using api = await serve(({ method }, response) =>
    method === 'GET'
      ? json(response, refusal(404, 'NotFound'), 404)
      : json(response, refusal(409, 'Conflict'), 409),
  );
  await assert.rejects(api.client.get(PODS, { namespace: 'n', name: 'p' }), isNotFound);
  await assert.rejects(api.client.update(PODS, { metadata: { namespace: 'n', name: 'p' } }), isConflict);
});

test('the client waits and asks again when the server has too many requests', async () => {
  let asked = 0;
  using api = await serve((_request, response) => {
    asked++;
    if (asked < 3) response.writeHead(429, { 'retry-after': '0' }).end();
    else json(response, { metadata: { name: 'made' } }, 201);
  });
  const made = await api.client.create(CONFIG_MAPS, { metadata: { namespace: 'n', name: 'made' } });
  assert.equal(made.metadata?.name, 'made');
  assert.equal(asked, 3);
});

test('the client repeats a read, never a create, when the connection breaks', async () => {
  let asked = 0;
  using api = await serve(({ method }, response) => {
    asked++;
    if (method === 'POST' || asked === 1) response.socket?.resetAndDestroy();
    else json(response, { metadata: { name: 'p' } });
  });
  assert.equal((await api.client.get(PODS, { namespace: 'n', name: 'p' })).metadata?.name, 'p');
  assert.equal(asked, 2);
  await assert.rejects(api.client.create(PODS, { metadata: { namespace: 'n' } }), ConnectionError);
  assert.equal(asked, 3);
});

test('a request ends with the reason of its signal', async () => {
  const stop = new AbortController();
  using api = await serve(() => stop.abort(new Error('enough')));
  await assert.rejects(
    api.client.get(PODS, { namespace: 'n', name: 'p' }, { signal: stop.signal }),
    /enough/,
  );
});

test('`watch()` hands on events in order and resolves when the server ends it', async () => {
  const lines = ['ADDED', 'MODIFIED', 'BOOKMARK'].map((type, index) =>
    JSON.stringify({ type, object: { metadata: { name: 'a', resourceVersion: `${index}` } } }),
  );
  using api = await serve((_request, response) => {
    const text = `${lines.join('\n')}\n`;
    response.writeHead(200);
    response.write(text.slice(0, 30));
    response.end(text.slice(30));
  });
  const events: TypedWatchEvent<ConfigMap>[] = [];
  await api.client.watch(CONFIG_MAPS, { namespace: 'n', resourceVersion: '5' }, (event) =>
    events.push(event),
  );
  assert.deepEqual(
    events.map(({ type, object }) => [type, object.metadata?.resourceVersion]),
    [
      ['ADDED', '0'],
      ['MODIFIED', '1'],
      ['BOOKMARK', '2'],
    ],
  );
  assert.equal(
    api.received[0]?.url,
    '/api/v1/namespaces/n/configmaps?resourceVersion=5&watch=true&allowWatchBookmarks=true',
  );
});

test('`watch()` rejects with the Status of an ERROR event', async () => {
  using api = await serve((_request, response) =>
    response.writeHead(200).write(`${JSON.stringify({ type: 'ERROR', object: refusal(410, 'Expired') })}\n`),
  );
  await assert.rejects(
    api.client.watch(PODS, {}, () => undefined),
    isGone,
  );
});
