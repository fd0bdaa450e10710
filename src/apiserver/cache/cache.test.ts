import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { ConfigMap } from '#api/core/v1.gen.ts';
import { openMemoryStorage } from '#apiserver/storage/memory.ts';
import { Cache } from './cache.ts';
import { Entry } from './entry.ts';
import { ExpiredError, ResourceCache } from './resource-cache.ts';
import { SortedKeys } from './sorted-keys.ts';
import { toStoredText } from './stored-form.ts';

const stored = (name: string, data: Record<string, string> = {}) => {
  const metadata = { name, namespace: 'ns', resourceVersion: '99' };
  const configMap: ConfigMap = { apiVersion: 'v1', kind: 'ConfigMap', metadata, data };
  return toStoredText(configMap);
};
const put = (cache: Cache, name: string, expectedRevision: number, data?: Record<string, string>) =>
  cache.write({ resource: 'configmaps', key: `ns/${name}`, stored: stored(name, data), expectedRevision });

it('`Entry` serves one text with its resourceVersion, and an item without kind and apiVersion', () => {
  const entry = new Entry('ns/a', stored('a'), 7);
  assert.deepEqual(JSON.parse(entry.bytes.toString()), {
    kind: 'ConfigMap',
    apiVersion: 'v1',
    metadata: { resourceVersion: '7', name: 'a', namespace: 'ns' },
    data: {},
  });
  assert.deepEqual(JSON.parse(`{${entry.itemBytes.toString()}`), {
    metadata: { resourceVersion: '7', name: 'a', namespace: 'ns' },
    data: {},
  });
  assert.equal(entry.at(8).object.metadata?.resourceVersion, '8');
});

it('`Cache` shows a write when it resolves, and the past until it is forgotten', async () => {
  const cache = await Cache.open(openMemoryStorage());
  await put(cache, 'b', 0);
  await put(cache, 'a', 0);
  const configMaps = cache.resource('configmaps');
  assert.deepEqual(
    configMaps.list('ns').map((entry) => entry.key),
    ['ns/a', 'ns/b'],
  );
  assert.deepEqual(
    configMaps.list('n').map((entry) => entry.key),
    [],
  );
  const before = cache.revision;
  await put(cache, 'b', 2, { x: '1' });
  await cache.write({ resource: 'configmaps', key: 'ns/a', stored: undefined, expectedRevision: 3 });
  assert.deepEqual(
    configMaps.listAt(before).map((entry) => entry.revision),
    [3, 2],
  );
  assert.deepEqual(
    configMaps.eventsAfter(before).map((event) => [event.type, event.entry.object.metadata?.resourceVersion]),
    [
      ['MODIFIED', '4'],
      ['DELETED', '5'],
    ],
  );
  await cache.forget(4);
  assert.throws(() => configMaps.listAt(before), ExpiredError);
  assert.equal(configMaps.listAt(4).length, 2);
  await cache.close();
});

it('`Cache.open()` brings back the history that storage has kept', async () => {
  const storage = openMemoryStorage();
  const first = await Cache.open(storage);
  await put(first, 'a', 0);
  await first.forget(2);
  await put(first, 'a', 2);
  const second = await Cache.open(storage);
  assert.deepEqual(
    second
      .resource('configmaps')
      .eventsAfter(2)
      .map((event) => event.type),
    ['MODIFIED'],
  );
  assert.throws(() => second.resource('configmaps').eventsAfter(1), ExpiredError);
});

it('`ResourceCache` keeps less history of large objects', () => {
  const configMaps = new ResourceCache(0);
  const text = stored('large', { text: 'x'.repeat(1024 * 1024) });
  for (let revision = 1; revision <= 100; revision++) configMaps.apply('ns/large', text, revision);
  assert.throws(() => configMaps.eventsAfter(10), ExpiredError);
  assert.deepEqual(
    configMaps.eventsAfter(98).map((event) => event.revision),
    [99, 100],
  );
});

it('`SortedKeys` stays in order through additions and deletions', () => {
  const keys = new SortedKeys();
  for (const key of ['b/1', 'a/2', 'a/1']) keys.add(key);
  keys.delete('a/2');
  keys.add('ab/1');
  assert.deepEqual(keys.withPrefix(''), ['a/1', 'ab/1', 'b/1']);
  keys.delete('b/1');
  keys.add('b/1');
  assert.deepEqual(keys.withPrefix('b/'), ['b/1']);
  assert.deepEqual(keys.withPrefix('a/'), ['a/1']);
});
