import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import type { ConfigMap } from '#api/core/v1.gen.ts';
import { Store } from './store.ts';

const object = (name: string, bucket: string): ConfigMap => ({
  metadata: { namespace: 'n', name },
  data: { bucket },
});
const byBucket = (map: ConfigMap) => (map.data?.['bucket'] ? [map.data['bucket']] : []);

test('the index of a store agrees with a scan of it after any changes', () => {
  const change = fc.record({
    name: fc.constantFrom('a', 'b', 'c', 'd'),
    bucket: fc.constantFrom('', 'x', 'y'),
    remove: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(change), (changes) => {
      const store = new Store<ConfigMap>({ bucket: byBucket });
      for (const { name, bucket, remove } of changes) {
        if (remove) store.delete(`n/${name}`);
        else store.set(object(name, bucket));
      }
      for (const bucket of ['x', 'y']) {
        const scanned = store.list().filter((map) => map.data?.['bucket'] === bucket);
        const indexed = store.byIndex('bucket', bucket);
        assert.deepEqual(new Set(indexed), new Set(scanned));
        assert.equal(indexed.length, scanned.length);
      }
    }),
  );
});

test('`addIndex()` covers objects that are there already', () => {
  const store = new Store<ConfigMap>();
  store.set(object('a', 'x'));
  store.addIndex('bucket', byBucket);
  assert.equal(store.byIndex('bucket', 'x').length, 1);
});

test('`byIndex()` throws when the index was never declared', () => {
  assert.throws(() => new Store().byIndex('nope', 'x'), /no index "nope"/);
});
