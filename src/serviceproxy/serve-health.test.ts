import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { test } from 'node:test';
import { type ProxyHealth, serveProxyHealth, serveProxyStatus } from './serve-health.ts';

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

test('/healthz and /livez say whether the rules are as they should be', async () => {
  const listen = { address: '127.0.0.1', port: await freePort() };
  const health = {
    lastUpdatedMs: Date.now(),
    pendingSinceMs: undefined as number | undefined,
    nodeEligible: true,
  };
  await using stack = new AsyncDisposableStack();
  stack.use(await serveProxyHealth(listen, (): ProxyHealth => health));
  const ask = async (path: string) => {
    const response = await fetch(`http://127.0.0.1:${listen.port}${path}`);
    return { status: response.status, body: await response.text() };
  };
  const { status, body } = await ask('/healthz');
  assert.equal(status, 200);
  assert.ok('lastUpdated' in JSON.parse(body));
  health.nodeEligible = false;
  assert.deepEqual([(await ask('/healthz')).status, (await ask('/livez')).status], [503, 200]);
  health.pendingSinceMs = Date.now() - 3_600_000;
  assert.equal((await ask('/livez')).status, 503);
  assert.equal((await ask('/other')).status, 404);
});

test('/proxyMode names the data plane', async () => {
  const listen = { address: '127.0.0.1', port: await freePort() };
  await using stack = new AsyncDisposableStack();
  stack.use(await serveProxyStatus(listen));
  const response = await fetch(`http://127.0.0.1:${listen.port}/proxyMode`);
  assert.deepEqual([response.status, await response.text()], [200, 'nftables']);
});
