import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ConfigMap } from '#api/core/v1.gen.ts';
import { OwnWrites } from './own-writes.ts';

const map = (resourceVersion: string, uid = 'u', name = 'a'): ConfigMap => ({
  metadata: { namespace: 'n', name, uid, resourceVersion },
});
const all = (): boolean => true;
const versions = (maps: ConfigMap[]): (string | undefined)[] =>
  maps.map(({ metadata }) => metadata?.resourceVersion);

test('`apply()` puts our writes over what the cache still shows', () => {
  const writes = new OwnWrites<ConfigMap>();
  writes.wrote(map('9'));
  writes.wrote(map('10', 'v', 'b'));
  assert.deepEqual(versions(writes.apply([map('5')], all)), ['9', '10']);
  assert.deepEqual(versions(writes.apply([map('11')], (object) => object.metadata?.name === 'a')), ['11']);
});

test('`apply()` hides what we deleted, not what came after it under the same name', () => {
  const writes = new OwnWrites<ConfigMap>();
  writes.deleted(map('9'));
  assert.deepEqual(versions(writes.apply([map('9')], all)), []);
  assert.deepEqual(versions(writes.apply([map('12', 'other')], all)), ['12']);
});

test('`observe()` tells news from what we wrote ourselves', () => {
  const writes = new OwnWrites<ConfigMap>();
  assert.equal(writes.observe(map('1')), true);
  writes.wrote(map('9'));
  assert.equal(writes.observe(map('8')), false);
  assert.equal(writes.observe(map('9')), false);
  assert.equal(writes.observe(map('10')), true);
  writes.wrote(map('11'));
  assert.equal(writes.observe(map('12')), true);
});

test('`observe()` and `observeGone()` follow a deletion of ours', () => {
  const writes = new OwnWrites<ConfigMap>();
  writes.deleted(map('9'));
  assert.equal(writes.observe(map('10')), false);
  assert.equal(writes.observeGone(map('11')), false);
  assert.equal(writes.observeGone(map('11')), true);
  writes.deleted(map('12'));
  assert.equal(writes.observe(map('13', 'other')), true);
  writes.wrote(map('14'));
  assert.equal(writes.observeGone(map('15')), true);
});

test('`apply()` forgets writes that the watch never told of', () => {
  let nowMs = 0;
  const writes = new OwnWrites<ConfigMap>(() => nowMs);
  writes.wrote(map('9'));
  writes.deleted(map('7', 'v', 'b'));
  nowMs = 60_000;
  writes.wrote(map('10', 'w', 'c'));
  assert.deepEqual(versions(writes.apply([map('7', 'v', 'b')], all)), ['9', '10']);
  nowMs = 130_000;
  assert.deepEqual(versions(writes.apply([map('7', 'v', 'b')], all)), ['7', '10']);
});
