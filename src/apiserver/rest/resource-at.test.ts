import assert from 'node:assert/strict';
import { it } from 'node:test';
import { requestInfo } from './request-info.ts';
import { resourceAt } from './resource-at.ts';

const at = (url: string): string | undefined => {
  const { target } = requestInfo('GET', url);
  return target && resourceAt(target)?.kind.resource;
};

it('`resourceAt()` finds nothing of the cluster below a namespace', () => {
  for (const path of ['nodes/n', 'namespaces/kube-system', 'persistentvolumes'])
    assert.equal(at(`/api/v1/namespaces/a/${path}`), undefined, path);
  const bindings = '/apis/rbac.authorization.k8s.io/v1/namespaces/a/clusterrolebindings';
  assert.equal(at(bindings), undefined);
  assert.equal(at('/apis/authorization.k8s.io/v1/namespaces/a/subjectaccessreviews'), undefined);
});

it('`resourceAt()` finds what has its place there, and a namespace itself', () => {
  assert.equal(at('/api/v1/namespaces/a/pods/p'), 'pods');
  assert.equal(at('/api/v1/namespaces/a'), 'namespaces');
  assert.equal(at('/api/v1/namespaces/a/status'), 'namespaces');
  assert.equal(at('/api/v1/namespaces'), 'namespaces');
  assert.equal(at('/api/v1/nodes/n'), 'nodes');
  assert.equal(at('/api/v1/things'), undefined);
});
