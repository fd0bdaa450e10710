import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ClusterError } from './config.ts';
import { parseManifest } from './manifests.ts';

function complaint(text: string): string {
  let message = '';
  assert.throws(
    () => parseManifest(text, 'web.yaml'),
    (error: unknown) => {
      assert.ok(error instanceof ClusterError, String(error));
      message = error.message;
      return true;
    },
  );
  return message;
}

describe('parseManifest()', () => {
  it('gives each document its resource, and namespaced objects a namespace', () => {
    const items = parseManifest(
      'apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n---\n---\napiVersion: v1\nkind: Service\nmetadata: {name: web}\n',
      'web.yaml',
    );
    assert.deepEqual(
      items.map(({ resource, object }) => [resource.plural, object.metadata?.namespace]),
      [
        ['namespaces', undefined],
        ['services', 'default'],
      ],
    );
  });

  it('takes the items of a List', () => {
    const items = parseManifest(
      'apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: ConfigMap, metadata: {name: a}}\n',
      'web.yaml',
    );
    assert.equal(items[0]?.object.kind, 'ConfigMap');
  });

  const refused: Record<string, [text: string, message: RegExp]> = {
    'text that is no YAML': ['apiVersion: v1\nkind: [\n', /^web\.yaml:[23]: /],
    'a document that is no object': ['- a\n', /^web\.yaml:1: an object is expected$/],
    'a missing kind': ['apiVersion: v1\n', /^web\.yaml:1: kind is missing$/],
    'an unknown kind': ['apiVersion: v1\nkind: Servce\n', /^web\.yaml:2: no kind "Servce" in version "v1"$/],
    'a missing name': [
      'apiVersion: v1\nkind: Service\nmetadata: {}\n',
      /^web\.yaml:3: metadata\.name is missing$/,
    ],
    'an unknown field, with its line': [
      'apiVersion: v1\nkind: Service\nmetadata:\n  name: web\nspec:\n  ports:\n  - port: 80\n    targtPort: 8080\n',
      /^web\.yaml:8: spec\.ports\[0\]\.targtPort: unknown field/,
    ],
    'a value of the wrong type, with its line': [
      'apiVersion: v1\nkind: Service\nmetadata:\n  name: web\nspec:\n  clusterIP: 5\n',
      /^web\.yaml:6: spec\.clusterIP: /,
    ],
  };
  for (const [what, [text, message]] of Object.entries(refused)) {
    it(`refuses ${what}`, () => assert.match(complaint(text), message));
  }
});
