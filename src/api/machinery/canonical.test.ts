import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { TypeMismatch, toCanonical } from './canonical.ts';
import { allKinds } from './kinds.ts';
import { schema } from './schema.ts';

test('toCanonical() writes zeros as Go does: left out, written, or null', () => {
  assert.deepEqual(
    toCanonical('core/v1.Service', { metadata: { labels: {}, name: '' }, spec: { ports: [] } }),
    {
      metadata: {},
      spec: {},
      status: { loadBalancer: {} },
    },
  );
  assert.deepEqual(toCanonical('rbac.authorization.k8s.io/v1.Role', { rules: [] }), {
    metadata: {},
    rules: null,
  });
  assert.deepEqual(toCanonical('core/v1.ServicePort', {}), { port: 0, targetPort: 0 });
  assert.equal((toCanonical('apps/v1.DeploymentSpec', {}) as { selector: unknown }).selector, null);
});

test('toCanonical() brings times, durations and quantities into their form', () => {
  const meta = toCanonical('meta/v1.ObjectMeta', { creationTimestamp: '2026-01-02T03:04:05.6+01:00' });
  assert.deepEqual(meta, { creationTimestamp: '2026-01-02T02:04:05Z' });
  const lease = toCanonical('coordination.k8s.io/v1.LeaseSpec', { renewTime: '2026-01-02T03:04:05.000000Z' });
  assert.deepEqual(lease, { renewTime: '2026-01-02T03:04:05.000000Z' });
  const resources = toCanonical('core/v1.ResourceRequirements', { limits: { memory: 1024, cpu: '0.5' } });
  assert.deepEqual(resources, { limits: { cpu: '500m', memory: '1024' } });
});

test('toCanonical() sorts maps and refuses bad base64 and quantities', () => {
  assert.deepEqual(
    Object.keys((toCanonical('core/v1.ConfigMap', { data: { b: '', a: '' } }) as { data: object }).data),
    ['a', 'b'],
  );
  assert.throws(
    () => toCanonical('core/v1.Secret', { data: { a: 'not base64!' } }),
    /illegal base64 data at input byte 3/,
  );
  assert.throws(
    () => toCanonical('core/v1.ResourceRequirements', { limits: { cpu: 'much' } }),
    /quantities must match/,
  );
});

test('toCanonical() keeps the several shapes of schemas in custom resources', () => {
  const props = { items: { type: 'string' }, additionalProperties: false, default: { any: [1] } };
  const type = 'apiextensions.k8s.io/v1.JSONSchemaProps';
  assert.deepEqual(toCanonical(type, props), props);
  assert.deepEqual(toCanonical(type, { items: [{ type: 'string' }] }), { items: [{ type: 'string' }] });
});

test('toCanonical() tells every unknown field by its path', () => {
  const unknown: string[] = [];
  toCanonical('core/v1.Pod', { spec: { containers: [{ name: 'c', ports: [{ port: 1 }] }] }, x: 1 }, (path) =>
    unknown.push(path),
  );
  assert.deepEqual(unknown, ['spec.containers[0].ports[0].port', 'x']);
});

test('toCanonical() is settled after one pass, for any kind and any value', () => {
  const names = fc.constantFrom(
    'metadata',
    'spec',
    'status',
    'name',
    'labels',
    'ports',
    'port',
    'containers',
    'rules',
    'data',
  );
  const { value } = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 6 },
      fc.constantFrom(0, 1, '', 'a', true, null, '1Gi'),
      fc.array(tie('value'), { maxLength: 2 }),
      fc.dictionary(names, tie('value'), { maxKeys: 4 }),
    ),
  }));
  fc.assert(
    fc.property(fc.constantFrom(...allKinds()), value, (kind, input) => {
      let once: unknown;
      try {
        once = toCanonical(kind.type, input);
      } catch (error) {
        assert.ok(error instanceof TypeMismatch, String(error));
        return;
      }
      assert.deepEqual(toCanonical(kind.type, once), once);
    }),
    { numRuns: 1000 },
  );
});

test('toCanonical() makes an empty object of every type of the schema', () => {
  for (const type of Object.keys(schema.types)) {
    if (schema.types[type]?.json === undefined && schema.types[type]?.wrap === undefined) {
      assert.equal(typeof toCanonical(type, {}), 'object', type);
    }
  }
});
