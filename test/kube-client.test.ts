// The client, informers, events and leases against the real API server.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { ConfigMap } from '#api/core/v1.gen.ts';
import { ApiClient } from '#kube/client.ts';
import { isAlreadyExists, isConflict, isInvalid, isNotFound } from '#kube/errors.ts';
import { EventRecorder, referenceTo } from '#kube/events.ts';
import { startInformer } from '#kube/informer.ts';
import { loadKubeconfig } from '#kube/kubeconfig.ts';
import { keepLease, renewLease } from '#kube/lease.ts';
import {
  CONFIG_MAPS,
  EVENTS,
  LEASES,
  NAMESPACES,
  PODS,
  SERVICE_ACCOUNTS,
  SERVICES,
} from '#kube/resources.ts';
import { startTestApiServer, type TestApiServer } from './support/api-server.ts';

const namespace = 'default';
let api: TestApiServer;
let client: ApiClient;

before(async () => {
  api = await startTestApiServer();
  client = new ApiClient(await loadKubeconfig({ path: api.kubeconfig }));
});

after(async () => {
  client[Symbol.dispose]();
  await api[Symbol.asyncDispose]();
});

const map = (name: string, data: Record<string, string> = {}, labels = {}): ConfigMap => ({
  metadata: { namespace, name, labels },
  data,
});

test('objects are created, read, replaced, patched and deleted', async () => {
  const created = await client.create(CONFIG_MAPS, map('a', { x: '1' }));
  assert.ok(created.metadata?.uid);
  await assert.rejects(client.create(CONFIG_MAPS, map('a')), isAlreadyExists);
  const updated = await client.update(CONFIG_MAPS, { ...created, data: { x: '2' } });
  await assert.rejects(client.update(CONFIG_MAPS, { ...created, data: { x: '3' } }), isConflict);
  assert.deepEqual(await client.get(CONFIG_MAPS, { namespace, name: 'a' }), updated);
  const key = { namespace, name: 'a' };
  assert.equal((await client.patch(CONFIG_MAPS, key, { data: { y: '4' } })).data?.['y'], '4');
  const replace = [{ op: 'replace', path: '/data/y', value: '5' }];
  assert.equal((await client.patch(CONFIG_MAPS, key, replace, { type: 'json' })).data?.['y'], '5');
  const strategic = { data: { y: null } };
  assert.equal(
    (await client.patch(CONFIG_MAPS, key, strategic, { type: 'strategic' })).data?.['y'],
    undefined,
  );
  await assert.rejects(client.delete(CONFIG_MAPS, key, { preconditions: { uid: 'other' } }), isConflict);
  await client.delete(CONFIG_MAPS, key);
  await assert.rejects(client.get(CONFIG_MAPS, key), isNotFound);
});

test('what the server finds wrong comes as a StatusError with its causes', async () => {
  const wrong = { metadata: { namespace, name: 'bad' }, spec: { ports: [{ port: 0 }] } };
  await assert.rejects(client.create(SERVICES, wrong), (error) => {
    assert.ok(isInvalid(error));
    return /spec\.ports\[0\]\.port/.test((error as Error).message);
  });
});

test('a dry run stores nothing', async () => {
  await client.create(CONFIG_MAPS, map('dry'), { dryRun: true });
  await assert.rejects(client.get(CONFIG_MAPS, { namespace, name: 'dry' }), isNotFound);
});

test('lists come whole, by selector and in pages; collections are deleted', async () => {
  await client.create(NAMESPACES, { metadata: { name: 'lists' } });
  const many = Array.from({ length: 7 }, (_, index) => map(`m${index}`, {}, { parity: String(index % 2) }));
  await Promise.all(
    many.map((one) =>
      client.create(CONFIG_MAPS, { ...one, metadata: { ...one.metadata, namespace: 'lists' } }),
    ),
  );
  const even = await client.list(CONFIG_MAPS, { namespace: 'lists', labelSelector: 'parity=0' });
  assert.equal(even.items.length, 4);
  const names: (string | undefined)[] = [];
  let next: string | undefined;
  do {
    const page = await client.list(CONFIG_MAPS, { namespace: 'lists', limit: 3, continue: next });
    names.push(...page.items.map(({ metadata }) => metadata?.name));
    next = page.continue;
  } while (next !== undefined);
  assert.equal(new Set(names).size, 7);
  await client.deleteCollection(CONFIG_MAPS, { namespace: 'lists', labelSelector: 'parity=0' });
  assert.equal((await client.list(CONFIG_MAPS, { namespace: 'lists' })).items.length, 3);
});

test('an informer follows what happens, also when it lists in pages', async () => {
  for (const pageSize of [undefined, 2]) {
    const stop = new AbortController();
    const informer = startInformer(client, CONFIG_MAPS, { namespace, signal: stop.signal, pageSize });
    await informer.synced;
    const seen: string[] = [];
    const told = Promise.withResolvers<void>();
    informer.onChange({
      onAdd: ({ metadata }) => seen.push(`+${metadata?.name}`),
      onUpdate: ({ data }, old) => seen.push(`${old.data?.['x']}>${data?.['x']}`),
      onDelete: ({ metadata }) => {
        seen.push(`-${metadata?.name}`);
        told.resolve();
      },
    });
    seen.length = 0;
    await client.create(CONFIG_MAPS, map('watched', { x: '1' }));
    await client.patch(CONFIG_MAPS, { namespace, name: 'watched' }, { data: { x: '2' } });
    await client.delete(CONFIG_MAPS, { namespace, name: 'watched' });
    await told.promise;
    assert.deepEqual(seen, ['+watched', '1>2', '-watched']);
    stop.abort();
  }
});

test('a token of a service account opens the door, for that account', async () => {
  await client.create(SERVICE_ACCOUNTS, { metadata: { namespace, name: 'robot' } });
  const { status } = await client.createToken({ namespace, name: 'robot' }, { expirationSeconds: 3600 });
  const { ca } = client.config;
  using robot = new ApiClient({ server: api.url, ca, token: status?.token });
  assert.match(await robot.requestText('GET', '/version'), /v1\.37/);
  await assert.rejects(robot.list(PODS), /system:serviceaccount:default:robot/);
});

test('events: repetitions count up, many similar ones are folded', async () => {
  const stop = new AbortController();
  const object = await client.create(CONFIG_MAPS, map('eventful'));
  const recorder = new EventRecorder({ client, component: 'test', signal: stop.signal });
  const about = referenceTo(CONFIG_MAPS, object);
  recorder.record(about, 'Normal', 'Same', 'again');
  await recorder.flush();
  recorder.record(about, 'Normal', 'Same', 'again');
  recorder.record(about, 'Normal', 'Same', 'again');
  for (let count = 0; count < 25; count++) recorder.record(about, 'Warning', 'Many', `message ${count}`);
  await recorder.flush();
  await recorder.flush();
  const { items } = await client.list(EVENTS, { namespace, fieldSelector: 'involvedObject.name=eventful' });
  const [same] = items.filter(({ reason }) => reason === 'Same');
  assert.equal(same?.count, 3);
  assert.equal(same.involvedObject.uid, object.metadata?.uid);
  const many = items.filter(({ reason }) => reason === 'Many');
  assert.equal(many.length, 11);
  const folded = many.find(({ message }) => message?.startsWith('(combined from similar events)'));
  assert.equal(folded?.count, 15);
  stop.abort();
});

test('a lease is made, renewed, and taken over', async () => {
  const stop = new AbortController();
  const lease = { client, namespace: 'kube-node-lease', name: 'node', signal: stop.signal };
  const made = await renewLease({ ...lease, holderIdentity: 'a' });
  assert.equal(made.spec?.leaseDurationSeconds, 40);
  const renewed = await renewLease({ ...lease, holderIdentity: 'a' }, made);
  assert.notEqual(renewed.metadata?.resourceVersion, made.metadata?.resourceVersion);
  await assert.rejects(renewLease({ ...lease, holderIdentity: 'a' }, made), isConflict);
  const taken = await renewLease({ ...lease, holderIdentity: 'b' });
  assert.equal(taken.spec?.holderIdentity, 'b');
  assert.equal(taken.spec.leaseTransitions, 1);
  await client.delete(LEASES, { namespace: lease.namespace, name: lease.name });
  const again = await renewLease({ ...lease, holderIdentity: 'b' });
  assert.notEqual(again.metadata?.uid, taken.metadata?.uid);
  const kept = keepLease({ ...lease, holderIdentity: 'b', renewIntervalMs: 5 });
  const version = again.metadata?.resourceVersion;
  for (;;) {
    const now = await client.get(LEASES, { namespace: lease.namespace, name: lease.name });
    if (now.metadata?.resourceVersion !== version) break;
  }
  stop.abort();
  await kept;
});
