import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { get, request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, it } from 'node:test';
import { gunzipSync } from 'node:zlib';
import type { ConfigMap, Service } from '#api/core/v1.gen.ts';
import type { IngressSpec } from '#api/networking/v1.gen.ts';
import { ApiClient } from '#kube/client.ts';
import { loadConfig } from '#kube/kubeconfig.ts';
import { CONFIG_MAPS, EVENTS, INGRESS_CLASSES, INGRESSES, SERVICES } from '#kube/resources.ts';
import { startTestApiServer, type TestApiServer } from '#test/support/api-server.ts';

let api: TestApiServer;
before(async () => {
  api = await startTestApiServer();
});
after(() => api[Symbol.asyncDispose]());

const configMap = (name: string, data: Record<string, string> = {}): ConfigMap => ({
  metadata: { name, namespace: 'default' },
  data,
});

/** A GET as the administrator or, on demand, as nobody. */
function open(path: string, { anonymous = false, headers = {} } = {}): Promise<IncomingMessage> {
  const { caCertificate: ca, admin } = api.pki;
  const identity = anonymous ? {} : { cert: admin.certificate, key: admin.key };
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  get(`${api.url}${path}`, { ca, ...identity, headers, agent: false }, resolve).on('error', reject);
  return promise;
}

async function bodyOf(response: IncomingMessage): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(response as AsyncIterable<Buffer>));
}

it('lets anybody ask for health and version, and nobody without rights for objects', async () => {
  for (const path of ['/healthz', '/livez', '/readyz', '/version']) {
    assert.equal((await open(path, { anonymous: true })).statusCode, 200, path);
  }
  const refused = await open('/api/v1/pods', { anonymous: true });
  assert.equal(refused.statusCode, 403);
  assert.match((await bodyOf(refused)).toString(), /system:anonymous/);
});

it('has the namespaces and the Service that every cluster has', async () => {
  const response = await open('/api/v1/namespaces');
  const { items } = JSON.parse((await bodyOf(response)).toString()) as {
    items: { metadata: { name: string } }[];
  };
  assert.deepEqual(
    items.map((item) => item.metadata.name),
    ['default', 'kube-node-lease', 'kube-public', 'kube-system'],
  );
  const kubernetes = await api.client.get(SERVICES, { name: 'kubernetes', namespace: 'default' });
  assert.equal(kubernetes.spec?.clusterIP, '10.96.0.1');
});

it('compresses large answers for clients that can read them', async () => {
  await api.client.create(CONFIG_MAPS, configMap('large', { text: 'x'.repeat(200_000) }));
  const path = '/api/v1/namespaces/default/configmaps/large';
  const packed = await open(path, { headers: { 'accept-encoding': 'gzip' } });
  assert.equal(packed.headers['content-encoding'], 'gzip');
  const bytes = await bodyOf(packed);
  assert(bytes.length < 10_000);
  assert.deepEqual(
    JSON.parse(gunzipSync(bytes).toString()),
    JSON.parse((await bodyOf(await open(path))).toString()),
  );
});

it('sends a watcher every change of a burst, in order', async () => {
  const response = await open(
    '/api/v1/namespaces/default/configmaps?watch=1&resourceVersion=0&labelSelector=burst',
  );
  const lines = createInterface({ input: response })[Symbol.asyncIterator]();
  const names = Array.from({ length: 50 }, (_, i) => `burst-${i}`);
  await Promise.all(
    names.map((name) =>
      api.client.create(CONFIG_MAPS, {
        ...configMap(name),
        metadata: { name, namespace: 'default', labels: { burst: '' } },
      }),
    ),
  );
  const versions: number[] = [];
  for (const _ of names) {
    const { value } = await lines.next();
    versions.push(Number(JSON.parse(String(value)).object.metadata.resourceVersion));
  }
  assert.deepEqual(
    versions,
    versions.toSorted((a, b) => a - b),
  );
  response.destroy();
});

it('sends a watcher an initial state of any size', async () => {
  const text = 'x'.repeat(1_000_000);
  const names = Array.from({ length: 40 }, (_, i) => `big-${i}`);
  await Promise.all(
    names.map((name) =>
      api.client.create(CONFIG_MAPS, {
        metadata: { name, namespace: 'kube-public', labels: { big: '' } },
        data: { text },
      }),
    ),
  );
  const query = 'labelSelector=big&sendInitialEvents=true&resourceVersionMatch=NotOlderThan';
  const response = await open(
    `/api/v1/namespaces/kube-public/configmaps?watch=1&allowWatchBookmarks=true&${query}`,
  );
  const types: string[] = [];
  for await (const line of createInterface({ input: response })) {
    types.push(JSON.parse(line).type);
    if (types.at(-1) === 'BOOKMARK') break;
  }
  assert.deepEqual(types, [...names.map(() => 'ADDED'), 'BOOKMARK']);
});

it('refuses a watch from a state that is not reached', async () => {
  const query = 'sendInitialEvents=true&resourceVersionMatch=NotOlderThan&resourceVersion=9999999';
  const response = await open(`/api/v1/configmaps?watch=1&${query}`);
  assert.equal(response.statusCode, 504);
  assert.match((await bodyOf(response)).toString(), /Too large resource version: 9999999/);
});

it('refuses a body that is too large, and goes on answering', async () => {
  const { caCertificate: ca, admin } = api.pki;
  const { promise, resolve } = Promise.withResolvers<number | undefined>();
  const headers = { 'content-type': 'application/json' };
  const options = { method: 'POST', ca, cert: admin.certificate, key: admin.key, headers, agent: false };
  const post = request(`${api.url}/api/v1/namespaces/default/configmaps`, options, (response) =>
    resolve(response.statusCode),
  );
  // The server may close before everything is sent.
  post.on('error', () => resolve(undefined));
  post.end(JSON.stringify(configMap('huge', { text: 'x'.repeat(4_000_000) })));
  assert.equal(await promise, 413);
  assert.equal((await open('/readyz')).statusCode, 200);
});

it('ends watches when it is closed', async () => {
  const other = await startTestApiServer();
  const { caCertificate: ca, admin } = other.pki;
  const { promise, resolve } = Promise.withResolvers<IncomingMessage>();
  get(
    `${other.url}/api/v1/configmaps?watch=1`,
    { ca, cert: admin.certificate, key: admin.key, agent: false },
    resolve,
  );
  const response = await promise;
  const closed = once(response, 'close');
  response.on('error', () => {});
  response.resume();
  await other[Symbol.asyncDispose]();
  await closed;
});

it('`portolan apiserver` finds every object again after kill -9', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'portolan-kill-'));
  const kubeconfig = join(directory, 'kubeconfig');
  try {
    const first = await startProcess(directory, kubeconfig);
    using writer = new ApiClient(await loadConfig({ path: kubeconfig }));
    const services = Array.from(
      { length: 20 },
      (_, i): Service => ({
        metadata: { name: `s${i}`, namespace: 'default' },
        spec: { type: 'NodePort', ports: [{ port: 80 }] },
      }),
    );
    const made = await Promise.all(services.map((service) => writer.create(SERVICES, service)));
    first.kill('SIGKILL');
    await once(first, 'exit');
    const second = await startProcess(directory, kubeconfig);
    using reader = new ApiClient(await loadConfig({ path: kubeconfig }));
    for (const service of made) {
      const found = await reader.get(SERVICES, { name: service.metadata?.name ?? '', namespace: 'default' });
      assert.deepEqual(found, service);
    }
    second.kill('SIGTERM');
    assert.deepEqual(await once(second, 'exit'), [0, null]);
  } finally {
    rmSync(directory, { recursive: true });
  }
});

it('gives a new Ingress the default class: the newest, then the first by name', async () => {
  const backend = { service: { name: 'web', port: { number: 80 } } };
  const create = async (more: Partial<IngressSpec> = {}, annotations = {}) => {
    const metadata = { generateName: 'i-', namespace: 'default', annotations };
    const made = await api.client.create(INGRESSES, { metadata, spec: { defaultBackend: backend, ...more } });
    return made.spec?.ingressClassName;
  };
  const addClass = (name: string, isDefault: string) =>
    api.client.create(INGRESS_CLASSES, {
      metadata: { name, annotations: { 'ingressclass.kubernetes.io/is-default-class': isDefault } },
      spec: { controller: 'example.com/ingress' },
    });
  await addClass('a', 'false');
  assert.equal(await create(), undefined);
  await addClass('c', 'true');
  assert.equal(await create(), 'c');
  assert.equal(await create({ ingressClassName: 'a' }), 'a');
  assert.equal(await create({}, { 'kubernetes.io/ingress.class': 'a' }), undefined);
  // Times have whole seconds: either the same as that of `c`, or later.
  await addClass('b', 'true');
  assert.equal(await create(), 'b');
});

it('selects Events by the object that they are about', async () => {
  const about = (name: string) => ({ kind: 'Pod', namespace: 'default', name, uid: `u-${name}` });
  for (const name of ['one', 'two']) {
    const metadata = { name: `${name}.1`, namespace: 'default' };
    await api.client.create(EVENTS, {
      metadata,
      involvedObject: about(name),
      reason: 'Made',
      type: 'Normal',
    });
  }
  await api.client.create(EVENTS, { metadata: { name: 'bare', namespace: 'default' }, involvedObject: {} });
  const select = async (path: string): Promise<string[]> => {
    const response = await open(path);
    const body = JSON.parse((await bodyOf(response)).toString());
    assert.equal(response.statusCode, 200, JSON.stringify(body));
    return body.items.map(({ metadata }: { metadata: { name: string } }) => metadata.name);
  };
  const core = '/api/v1/namespaces/default/events?fieldSelector=';
  assert.deepEqual(await select(`${core}involvedObject.name%3Dtwo`), ['two.1']);
  assert.deepEqual(await select(`${core}involvedObject.name%3Dnone,involvedObject.kind%3DPod`), []);
  assert.deepEqual(await select(`${core}involvedObject.uid!%3Du-two,reason%3DMade`), ['one.1']);
  const events = '/apis/events.k8s.io/v1/events?fieldSelector=';
  assert.deepEqual(await select(`${events}regarding.name%3Dtwo,type%3DNormal`), ['two.1']);
});

async function startProcess(directory: string, kubeconfig: string): Promise<ChildProcess> {
  const main = new URL('../src/cli/main.ts', import.meta.url).pathname;
  const words = ['apiserver', '--data-dir', directory, '--port', '0', '--write-kubeconfig', kubeconfig];
  const child = spawn(process.execPath, [main, ...words], { stdio: ['ignore', 'pipe', 'inherit'] });
  for await (const line of createInterface({ input: child.stdout })) {
    if (line.startsWith('serving ')) break;
  }
  assert(readFileSync(kubeconfig, 'utf8').includes('https://'));
  return child;
}
