import assert from 'node:assert/strict';
import { test } from 'node:test';
import { kindFor } from '#api/machinery/kinds.ts';
import * as resources from './resources.ts';

const constants = Object.entries(resources).filter(
  (entry): entry is [string, resources.Resource] => typeof entry[1] === 'object',
);

test('every constant is a kind of the schema, with its scope', () => {
  assert.ok(constants.length > 20);
  for (const [name, { group, version, kind, plural, namespaced }] of constants) {
    const known = kindFor(group, version, plural);
    assert.deepEqual([known?.kind, known?.namespaced], [kind, namespaced], name);
  }
});

test('`pathOf()` names collections, objects and subresources', () => {
  const { pathOf, PODS, NODES, LEASES } = resources;
  assert.equal(pathOf(PODS), '/api/v1/pods');
  assert.equal(pathOf(PODS, 'n', 'p', 'log'), '/api/v1/namespaces/n/pods/p/log');
  assert.equal(pathOf(NODES, 'ignored', 'x/y'), '/api/v1/nodes/x%2Fy');
  assert.equal(pathOf(LEASES, 'n'), '/apis/coordination.k8s.io/v1/namespaces/n/leases');
});

test('`parseKey()` undoes keys with and without a namespace', () => {
  assert.deepEqual(resources.parseKey('n/a'), { namespace: 'n', name: 'a' });
  assert.deepEqual(resources.parseKey('a'), { name: 'a' });
});
