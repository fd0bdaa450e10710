import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { ConfigMap, Pod } from '#api/core/v1.gen.ts';
import { type KubeObject, metaOf } from '#api/machinery/object.ts';
import { isAlreadyExists, isConflict, isInvalid, isNotFound } from '#api/machinery/status-error.ts';
import { deleteObject } from './delete.ts';
import { currentEntry } from './engine.ts';
import { create, idOf, openTestEngine, testScope } from './test-engine.ts';
import { updateObject } from './update.ts';

const configMap = (name: string, data: Record<string, string> = {}): ConfigMap => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace: 'ns' },
  data,
});

const pod = (name: string): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: 'ns' },
  spec: { containers: [{ name: 'c', image: 'i' }], nodeName: 'n' },
});

const change = (change: (current: KubeObject) => KubeObject) => ({
  id: idOf(configMap('a')),
  subresource: '',
  change: (current: KubeObject | undefined) => change(current ?? assert.fail('there is an object')),
});

it('`createObject()` gives a uid, a time and a version, and refuses a name that is taken', async () => {
  const engine = await openTestEngine();
  const { metadata } = await create(engine, configMap('a'));
  assert.match(metadata?.uid ?? '', /^[0-9a-f-]{36}$/);
  assert.equal(metadata?.creationTimestamp, '2026-01-01T00:00:00Z');
  assert.equal(metadata?.resourceVersion, String(engine.cache.revision));
  await assert.rejects(create(engine, configMap('a')), isAlreadyExists);
  await assert.rejects(create(engine, configMap('A')), isInvalid);
});

it('`createObject()` in a dry run answers and stores nothing', async () => {
  const engine = await openTestEngine();
  const { metadata } = await create(engine, configMap('a'), true);
  assert.equal(metadata?.resourceVersion, undefined);
  assert.equal(currentEntry(engine, idOf(configMap('a'))), undefined);
  await create(engine, configMap('a'));
  await assert.rejects(create(engine, configMap('a'), true), isAlreadyExists);
});

it('`createObject()` makes another name when a generated one is taken', async () => {
  const engine = await openTestEngine();
  const made = await Promise.all(
    Array.from({ length: 50 }, () =>
      create<ConfigMap>(engine, { ...configMap(''), metadata: { namespace: 'ns', generateName: 'a-' } }),
    ),
  );
  assert.equal(new Set(made.map((object) => object.metadata?.name)).size, 50);
});

it('`updateObject()` loses no change of writers that race', async () => {
  const engine = await openTestEngine();
  await create(engine, configMap('a'));
  const write = (key: string) =>
    change((current) => {
      const { data } = current as ConfigMap;
      return { ...current, data: { ...data, [key]: 'x' } } as ConfigMap;
    });
  await Promise.all(Array.from({ length: 20 }, (_, i) => updateObject(engine, write(`k${i}`), testScope())));
  const { data } = engine.cache.get<ConfigMap>('configmaps', 'ns', 'a') ?? {};
  assert.equal(Object.keys(data ?? {}).length, 20);
});

it('`updateObject()` refuses an old version, and writes nothing when nothing changes', async () => {
  const engine = await openTestEngine();
  await create(engine, configMap('a'));
  const before = engine.cache.revision;
  const same = await updateObject(
    engine,
    change((current) => current),
    testScope(),
  );
  assert.equal(same.result, 'unchanged');
  assert.equal(engine.cache.revision, before);
  const stale = change((current) => ({
    ...current,
    metadata: { ...current.metadata, resourceVersion: '1' },
  }));
  await assert.rejects(updateObject(engine, stale, testScope()), isConflict);
});

it('`deleteObject()` marks what has finalizers, and the last finalizer takes the object along', async () => {
  const engine = await openTestEngine();
  const object = configMap('a');
  await create(engine, { ...object, metadata: { ...object.metadata, finalizers: ['example.com/f'] } });
  const marked = await deleteObject(engine, idOf(object), { propagation: 'Foreground' }, testScope());
  assert.equal(marked.result, 'updated');
  const { finalizers, deletionTimestamp } = engine.cache.get('configmaps', 'ns', 'a')?.metadata ?? {};
  assert.deepEqual(finalizers, ['example.com/f', 'foregroundDeletion']);
  assert.equal(deletionTimestamp, '2026-01-01T00:00:00Z');
  const free = change((current) => {
    delete metaOf(current).finalizers;
    return current;
  });
  assert.equal((await updateObject(engine, free, testScope())).result, 'deleted');
  assert.equal(currentEntry(engine, idOf(object)), undefined);
});

it('`deleteObject()` gives a running pod its grace period, shows when it is cut short, and checks preconditions', async () => {
  const engine = await openTestEngine();
  const id = idOf(pod('p'));
  await create(engine, pod('p'));
  await assert.rejects(deleteObject(engine, id, { uid: 'other' }, testScope()), isConflict);
  await deleteObject(engine, id, {}, testScope());
  assert.equal(engine.cache.get('pods', 'ns', 'p')?.metadata?.deletionGracePeriodSeconds, 30);
  const from = engine.cache.revision;
  await deleteObject(engine, id, { gracePeriodSeconds: 0 }, testScope());
  assert.deepEqual(
    engine.cache
      .resource('pods')
      .eventsAfter(from)
      .map((event) => event.type),
    ['MODIFIED', 'DELETED'],
  );
  await assert.rejects(deleteObject(engine, id, {}, testScope()), isNotFound);
});

it('`deleteObject()` ends a pod without a node at once', async () => {
  const engine = await openTestEngine();
  const unscheduled = pod('p');
  await create(engine, { ...unscheduled, spec: { containers: unscheduled.spec?.containers ?? [] } });
  assert.equal((await deleteObject(engine, idOf(unscheduled), {}, testScope())).result, 'deleted');
});
