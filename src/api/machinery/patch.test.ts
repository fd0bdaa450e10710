import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import type { Deployment } from '#api/apps/v1.gen.ts';
import { kindFor } from './kinds.ts';
import { readPatch } from './patch.ts';
import { applyJsonPatch, PatchError } from './patch-json.ts';
import { applyMergePatch } from './patch-merge.ts';
import { applyStrategicPatch } from './patch-strategic.ts';
import { StatusError } from './status-error.ts';

const DOCUMENT = { a: 1, list: [1, 2, 3], 'x/y': { '~': 0 } };
const JSON_PATCHES: readonly [string, unknown[], unknown][] = [
  ['adds', [{ op: 'add', path: '/b', value: 2 }], { ...DOCUMENT, b: 2 }],
  ['inserts into a list', [{ op: 'add', path: '/list/1', value: 9 }], { ...DOCUMENT, list: [1, 9, 2, 3] }],
  ['appends', [{ op: 'add', path: '/list/-', value: 9 }], { ...DOCUMENT, list: [1, 2, 3, 9] }],
  ['removes from the end', [{ op: 'remove', path: '/list/-1' }], { ...DOCUMENT, list: [1, 2] }],
  ['replaces an item', [{ op: 'replace', path: '/list/0', value: 7 }], { ...DOCUMENT, list: [7, 2, 3] }],
  ['moves', [{ op: 'move', from: '/a', path: '/b' }], { list: [1, 2, 3], 'x/y': { '~': 0 }, b: 1 }],
  ['copies', [{ op: 'copy', from: '/list', path: '/b' }], { ...DOCUMENT, b: [1, 2, 3] }],
  ['unescapes names', [{ op: 'replace', path: '/x~1y/~0', value: 1 }], { ...DOCUMENT, 'x/y': { '~': 1 } }],
  ['tests and goes on', [{ op: 'test', path: '/list', value: [1, 2, 3] }], DOCUMENT],
  ['replaces the document', [{ op: 'replace', path: '', value: [] }], []],
];
for (const [what, patch, result] of JSON_PATCHES) {
  test(`applyJsonPatch() ${what}`, () => assert.deepEqual(applyJsonPatch(DOCUMENT, patch), result));
}

const BAD_JSON_PATCHES: readonly unknown[] = [
  {},
  [1],
  [{ op: 'add' }],
  [{ op: 'fly', path: '/a' }],
  [{ op: 'remove', path: '/none' }],
  [{ op: 'remove', path: '/list/3' }],
  [{ op: 'add', path: '/list/4', value: 1 }],
  [{ op: 'add', path: '/list/x', value: 1 }],
  [{ op: 'add', path: '/none/b', value: 1 }],
  [{ op: 'add', path: '/a/b', value: 1 }],
  [{ op: 'move', from: '/x~1y', path: '/x~1y/z' }],
  [{ op: 'test', path: '/a', value: 2 }],
  [{ op: 'test', path: '/x~1y', value: { '~': 0, more: 1 } }],
];
for (const patch of BAD_JSON_PATCHES) {
  test(`applyJsonPatch() refuses ${JSON.stringify(patch)}`, () => {
    assert.throws(() => applyJsonPatch(DOCUMENT, patch), PatchError);
  });
}

test('patches never change their input and throw nothing but PatchError', () => {
  const json = fc.jsonValue();
  const pointer = fc.constantFrom('', '/a', '/a/b', '/0', '/a/0', '/-', '/a/-1', 'x');
  const operation = fc.record({
    op: fc.constantFrom('add', 'remove', 'replace', 'move', 'copy', 'test'),
    path: pointer,
    from: pointer,
    value: json,
  });
  fc.assert(
    fc.property(json, fc.array(operation, { maxLength: 4 }), json, (document, operations, patch) => {
      const before = JSON.stringify([document, patch]);
      for (const apply of [
        () => applyJsonPatch(document, operations),
        () => applyMergePatch(document, patch),
        () => applyStrategicPatch(document, patch, 'core/v1.Pod'),
      ]) {
        try {
          apply();
        } catch (error) {
          assert.ok(error instanceof PatchError, String(error));
        }
      }
      assert.equal(JSON.stringify([document, patch]), before);
    }),
  );
});

test('applyMergePatch() follows the examples of RFC 7386', () => {
  const examples: [unknown, unknown, unknown][] = [
    [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
    [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
    [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
    [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
    [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
    [{ a: 'foo' }, 'bar', 'bar'],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [[1, 2], { a: 'b', c: null }, { a: 'b' }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
  ];
  for (const [document, patch, result] of examples)
    assert.deepEqual(applyMergePatch(document, patch), result);
});

const POD = 'core/v1.PodSpec';
const CONTAINERS = {
  containers: [
    { name: 'one', image: 'i1', args: ['x'] },
    { name: 'two', image: 'i2' },
  ],
};
const STRATEGIC: readonly [string, unknown, unknown, string, unknown][] = [
  [
    'merges lists by key',
    CONTAINERS,
    { containers: [{ name: 'two', image: 'new' }] },
    POD,
    { containers: [CONTAINERS.containers[0], { name: 'two', image: 'new' }] },
  ],
  [
    'replaces lists without strategy',
    CONTAINERS,
    { containers: [{ name: 'one', args: ['z'] }] },
    POD,
    { containers: [{ name: 'one', image: 'i1', args: ['z'] }, CONTAINERS.containers[1]] },
  ],
  [
    'deletes an item',
    CONTAINERS,
    { containers: [{ name: 'one', $patch: 'delete' }] },
    POD,
    { containers: [CONTAINERS.containers[1]] },
  ],
  [
    'replaces a list on request',
    CONTAINERS,
    { containers: [{ $patch: 'replace' }, { name: 'x' }] },
    POD,
    { containers: [{ name: 'x' }] },
  ],
  [
    'orders a list',
    CONTAINERS,
    { '$setElementOrder/containers': [{ name: 'two' }, { name: 'one' }] },
    POD,
    { containers: [CONTAINERS.containers[1], CONTAINERS.containers[0]] },
  ],
  [
    'sets a list that was not there',
    {},
    { '$setElementOrder/containers': [{ name: 'a' }], containers: [{ name: 'a', image: null }] },
    POD,
    { containers: [{ name: 'a' }] },
  ],
  [
    'merges plain values once',
    { finalizers: ['a', 'b'] },
    { finalizers: ['c', 'a'] },
    'meta/v1.ObjectMeta',
    { finalizers: ['c', 'a', 'b'] },
  ],
  [
    'deletes plain values',
    { finalizers: ['a', 'b'] },
    { '$deleteFromPrimitiveList/finalizers': ['a'] },
    'meta/v1.ObjectMeta',
    { finalizers: ['b'] },
  ],
  ['removes nulls', { nodeName: 'n', hostname: 'h' }, { nodeName: null }, POD, { hostname: 'h' }],
  [
    'replaces a map on request',
    { nodeSelector: { a: '1' } },
    { nodeSelector: { $patch: 'replace', b: '2' } },
    POD,
    { nodeSelector: { b: '2' } },
  ],
  [
    'empties a map on request',
    { nodeSelector: { a: '1' } },
    { nodeSelector: { $patch: 'delete' } },
    POD,
    { nodeSelector: {} },
  ],
  [
    'keeps only the named keys',
    { strategy: { type: 'RollingUpdate', rollingUpdate: {} } },
    { strategy: { $retainKeys: ['type'], type: 'Recreate' } },
    'apps/v1.DeploymentSpec',
    { strategy: { type: 'Recreate' } },
  ],
];
for (const [what, document, patch, type, result] of STRATEGIC) {
  test(`applyStrategicPatch() ${what}`, () =>
    assert.deepEqual(applyStrategicPatch(document, patch, type), result));
}

const BAD_STRATEGIC: readonly [unknown, boolean][] = [
  [1, true],
  [{ containers: [{ image: 'x' }] }, false],
  [{ containers: [1] }, false],
  [{ containers: [{ name: 'one', $patch: 'bogus' }] }, false],
  [{ nodeSelector: { $patch: 'bogus' } }, false],
  [{ nodeSelector: { $retainKeys: 'x' } }, true],
  [{ nodeSelector: { $retainKeys: ['a'], b: '1' } }, true],
  [{ '$deleteFromPrimitiveList/x': 1 }, true],
  [{ '$setElementOrder/containers': 1 }, false],
  [{ '$setElementOrder/containers': [{ name: 'one' }], containers: [{ name: 'two' }] }, true],
];
for (const [patch, malformed] of BAD_STRATEGIC) {
  test(`applyStrategicPatch() refuses ${JSON.stringify(patch)}`, () => {
    assert.throws(
      () => applyStrategicPatch({ ...CONTAINERS, nodeSelector: {} }, patch, POD),
      (error) => error instanceof PatchError && error.malformed === malformed,
    );
  });
}

const deployments = kindFor('apps', 'v1', 'deployments');
assert.ok(deployments);
const KIND = deployments;
const CURRENT: Deployment = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'd' },
  spec: { selector: {}, template: {}, strategy: { type: 'Recreate' } },
};

function failure(run: () => unknown): StatusError {
  try {
    run();
  } catch (error) {
    assert.ok(error instanceof StatusError, String(error));
    return error;
  }
  return assert.fail('nothing was thrown');
}

test('readPatch() decodes the result and warns of unknown fields', () => {
  const { object, warnings } = readPatch({ type: 'merge', text: '{"spec":{"replicas":2,"x":1}}' }).apply(
    CURRENT,
    KIND,
  );
  assert.equal(object.spec?.replicas, 2);
  assert.deepEqual(warnings, ['unknown field "spec.x"']);
});

test('readPatch() refuses what is no patch with 400', () => {
  for (const [type, text] of [
    ['json', '{}'],
    ['merge', '[]'],
    ['strategic', '1'],
    ['merge', '{'],
  ] as const) {
    assert.equal(failure(() => readPatch({ type, text })).code, 400);
  }
});

test('readPatch() answers as upstream when the patch does not fit', () => {
  const apply = (type: 'json' | 'merge' | 'strategic', patch: unknown, fieldValidation?: 'Strict') =>
    failure(() => readPatch({ type, text: JSON.stringify(patch), fieldValidation }).apply(CURRENT, KIND));
  assert.equal(apply('json', [{ op: 'remove', path: '/none' }]).code, 422);
  const wrongType = apply('merge', { spec: { replicas: 'x' } });
  assert.equal(wrongType.code, 422);
  assert.equal(wrongType.status.details?.causes?.[0]?.field, 'patch');
  assert.equal(apply('strategic', { spec: { strategy: { $patch: 'x' } } }).code, 500);
  assert.equal(apply('strategic', { metadata: { $retainKeys: 1 } }).code, 400);
  assert.equal(apply('merge', { x: 1 }, 'Strict').code, 422);
});

test('readPatch() ignores apiVersion and kind in a strategic patch', () => {
  const { object } = readPatch({ type: 'strategic', text: '{"kind":"Pod"}' }).apply(CURRENT, KIND);
  assert.equal(object.kind, 'Deployment');
});

test('readPatch() refuses a JSON patch of more operations than upstream takes', () => {
  const text = JSON.stringify(Array.from({ length: 10_001 }, () => ({ op: 'test', path: '', value: 1 })));
  assert.equal(failure(() => readPatch({ type: 'json', text })).code, 413);
});

test('applyJsonPatch() refuses copies that grow without end', () => {
  const doubling = Array.from({ length: 64 }, (_, i) => ({ op: 'copy', from: '', path: `/copy${i}` }));
  assert.throws(() => applyJsonPatch(DOCUMENT, doubling), PatchError);
});

test('applyStrategicPatch() merges lists of any length that a body can hold', () => {
  const names = (prefix: string) => Array.from({ length: 60_000 }, (_, i) => `${prefix}${i}`);
  const pod = (prefix: string) => ({
    metadata: { finalizers: names(prefix) },
    spec: { containers: names(prefix).map((name) => ({ name })) },
  });
  const merged = applyStrategicPatch(pod('a'), pod('b'), 'core/v1.Pod') as ReturnType<typeof pod>;
  assert.equal(merged.metadata.finalizers.length, 120_000);
  assert.equal(merged.spec.containers.length, 120_000);
});
