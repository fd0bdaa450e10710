import assert from 'node:assert/strict';
import { test } from 'node:test';
import { canonicalize } from './canonical.ts';
import { allKinds, kindByGvk, kindFor, kindOfObject, typeOfGvk } from './kinds.ts';
import { type KubeObject, keyOf, metaOf } from './object.ts';
import { openApiDocument, openApiGroupVersions } from './openapi-v3.ts';
import { schema, typeInfo } from './schema.ts';
import { strategyFor } from './strategy.ts';
import { tableColumns, tableRow } from './table.ts';

test('kinds are found by resource, by group version kind and by object', () => {
  const deployments = kindFor('apps', 'v1', 'deployments');
  assert.equal(deployments?.kind, 'Deployment');
  assert.equal(deployments?.resource, 'deployments.apps');
  assert.equal(kindByGvk('apps', 'v1', 'Deployment'), deployments);
  assert.equal(kindOfObject({ apiVersion: 'apps/v1', kind: 'Deployment' }), deployments);
  assert.equal(kindOfObject({ apiVersion: 1 }), undefined);
  assert.equal(kindFor('', 'v1', 'deployments'), undefined);
});

test('typeOfGvk() knows lists, wire kinds, and options under every group', () => {
  assert.equal(typeOfGvk('', 'v1', 'PodList'), 'core/v1.PodList');
  assert.equal(typeOfGvk('autoscaling', 'v1', 'Scale'), 'autoscaling/v1.Scale');
  assert.equal(typeOfGvk('apps', 'v1', 'DeleteOptions'), 'meta/v1.DeleteOptions');
  assert.equal(typeOfGvk('', 'v1', 'Nothing'), undefined);
});

test('typeInfo() throws on what the schema does not have', () => {
  assert.throws(() => typeInfo('core/v1.Nothing'), /no type core\/v1\.Nothing/);
});

test('every kind has a strategy that takes an empty object without breaking', () => {
  for (const kind of allKinds()) {
    const strategy = strategyFor(kind);
    const object: KubeObject = canonicalize(kind.type, {
      apiVersion: kind.apiVersion,
      kind: kind.kind,
      metadata: { name: 'a' },
    });
    strategy.defaults(object);
    strategy.prepareForCreate(object);
    assert.ok(Array.isArray(strategy.validateCreate(object)), kind.kind);
    assert.ok(Array.isArray(strategy.warnings(object)), kind.kind);
    const changed = structuredClone(object);
    strategy.prepareForUpdate(changed, object);
    assert.ok(Array.isArray(strategy.validateUpdate(changed, object)), kind.kind);
    strategy.prepareForStatusUpdate(changed, object);
    assert.ok(Array.isArray(strategy.validateStatusUpdate(changed, object)), kind.kind);
    const fields = strategy.selectableFields(object);
    assert.equal(fields['metadata.name'], 'a');
    assert.ok(
      Object.values(fields).every((value) => typeof value === 'string'),
      kind.kind,
    );
  }
});

test('every kind fills as many cells as it has columns, even from an empty object', () => {
  for (const kind of allKinds()) {
    const object: KubeObject = canonicalize(kind.type, {
      apiVersion: kind.apiVersion,
      kind: kind.kind,
      metadata: { name: 'a' },
    });
    const { cells } = tableRow(kind, object, 0);
    // IPAddress has a cell without a column upstream.
    const columns = tableColumns(kind).length + (kind.kind === 'IPAddress' ? 1 : 0);
    if (schema.tables[`${kind.group || 'core'}/${kind.kind}`] && hasCells(kind.kind)) {
      assert.equal(cells.length, columns, kind.kind);
    }
  }
});

/** Kinds whose columns exist upstream and which nobody here shows yet: they get the default row. */
function hasCells(kind: string): boolean {
  return ![
    'PodCertificateRequest',
    'CompositePodGroup',
    'PodGroup',
    'LeaseCandidate',
    'ComponentStatus',
  ].includes(kind);
}

test('OpenAPI documents refer to nothing that they do not have', () => {
  for (const key of openApiGroupVersions()) {
    const document = openApiDocument(key) as { components: { schemas: object } };
    const names = new Set(Object.keys(document.components.schemas));
    for (const [, name = ''] of JSON.stringify(document).matchAll(/#\/components\/schemas\/([^"]+)/g)) {
      assert.ok(names.has(name), `${key}: ${name}`);
    }
  }
  assert.equal(openApiDocument('apis/none/v1'), undefined);
});

test('OpenAPI tells kubectl how to patch a Service', () => {
  const { paths, components } = openApiDocument('api/v1') as {
    paths: Record<string, Record<string, Record<string, unknown>>>;
    components: { schemas: Record<string, { properties: Record<string, Record<string, unknown>> }> };
  };
  const patch = paths['/api/v1/namespaces/{namespace}/services/{name}']?.['patch'];
  assert.deepEqual(patch?.['x-kubernetes-group-version-kind'], { group: '', version: 'v1', kind: 'Service' });
  const parameters = patch?.['parameters'] as { name: string }[];
  assert.ok(parameters.some(({ name }) => name === 'fieldValidation'));
  const body = patch?.['requestBody'] as { content: object } | undefined;
  assert.ok('application/strategic-merge-patch+json' in (body?.content ?? {}));
  const ports = components.schemas['io.k8s.api.core.v1.ServiceSpec']?.properties['ports'];
  assert.equal(ports?.['x-kubernetes-patch-merge-key'], 'port');
  assert.deepEqual(ports?.['x-kubernetes-list-map-keys'], ['port', 'protocol']);
});

test('keyOf() and metaOf() read and make metadata', () => {
  assert.equal(keyOf({ metadata: { name: 'a', namespace: 'n' } }), 'n/a');
  assert.equal(keyOf({ metadata: { name: 'a' } }), 'a');
  const object = {};
  metaOf(object).name = 'x';
  assert.deepEqual(object, { metadata: { name: 'x' } });
});
