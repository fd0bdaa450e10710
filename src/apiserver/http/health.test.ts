import assert from 'node:assert/strict';
import { it } from 'node:test';
import { health } from './health.ts';

const ask = (path: string, query = '', storageWorks = true) =>
  health(path, new URLSearchParams(query), () => storageWorks);

it('`health()` is ok when storage works, and says in which check when it does not', () => {
  assert.equal(ask('/readyz')?.code, 200);
  assert.equal(ask('/readyz/etcd', '', false)?.code, 500);
  const failed = ask('/livez', '', false);
  assert.equal(failed?.code, 500);
  assert.match(String(failed?.body), /^\[-\]etcd failed$/m);
  assert.equal(ask('/livez', 'exclude=etcd', false)?.code, 200);
  assert.match(String(ask('/healthz', 'verbose')?.body), /healthz check passed/);
});

it('`health()` knows its own paths only', () => {
  assert.equal(ask('/readyz/nothing')?.code, 404);
  for (const path of ['/', '/metrics', '/constructor', '/__proto__'])
    assert.equal(ask(path), undefined, path);
});
