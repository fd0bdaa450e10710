import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import type { ClusterRoleBinding, PolicyRule, RoleBinding, Subject } from '#api/rbac/v1.gen.ts';
import { bootstrapObjects } from './bootstrap.ts';
import { FakeReader } from './fake-reader.ts';
import { RbacAuthorizer } from './rbac-authorizer.ts';
import type { NonResourceAttributes, ResourceAttributes, User } from './types.ts';

const GROUP = 'rbac.authorization.k8s.io';
const jane: User = { username: 'jane', groups: ['team', 'system:authenticated'] };

let objects: FakeReader;
let authorizer: RbacAuthorizer;
beforeEach(() => {
  objects = new FakeReader();
  authorizer = new RbacAuthorizer(objects);
});

function request(text: string, change: Partial<ResourceAttributes> = {}): ResourceAttributes {
  const [verb = '', resourceText = '', name = ''] = text.split(' ');
  const [resource = '', subresource = ''] = resourceText.split('/');
  const base = { kind: 'resource' as const, user: jane, group: '', version: 'v1', namespace: 'a' };
  return { ...base, verb, resource, subresource, name, ...change };
}

function path(verb: string, path: string, user = jane): NonResourceAttributes {
  return { kind: 'nonResource', user, verb, path };
}

function putRole(rules: PolicyRule[], namespace = 'a'): void {
  objects.put(`roles.${GROUP}`, { metadata: { name: 'r', namespace }, rules } as RoleBinding | object);
}

function bind(subject: Subject, kind = 'Role', namespace = 'a', role = 'r'): void {
  const binding: RoleBinding = {
    metadata: { name: 'b', namespace },
    roleRef: { kind, name: role },
    subjects: [subject],
  };
  objects.put(`rolebindings.${GROUP}`, binding);
}

const allowed = (attributes: ResourceAttributes | NonResourceAttributes) =>
  authorizer.authorize(attributes).allowed;

describe('RbacAuthorizer', () => {
  const get: PolicyRule = {
    verbs: ['get', 'list'],
    apiGroups: [''],
    resources: ['configmaps', 'services/status'],
  };

  it('allows what a rule names, in the binding’s namespace only', () => {
    putRole([get]);
    bind({ kind: 'User', name: 'jane' });
    const rows: [string, Partial<ResourceAttributes>, boolean][] = [
      ['get configmaps x', {}, true],
      ['list configmaps', {}, true],
      ['watch configmaps', {}, false],
      ['get secrets x', {}, false],
      ['get configmaps x', { namespace: 'b' }, false],
      ['list configmaps', { namespace: '' }, false],
      ['get configmaps x', { group: 'apps' }, false],
      ['get services/status x', {}, true],
      ['get services x', {}, false],
      ['get configmaps/status x', {}, false],
      ['get configmaps x', { user: { username: 'joe', groups: [] } }, false],
    ];
    for (const [text, change, expected] of rows) {
      assert.equal(allowed(request(text, change)), expected, `${text} ${JSON.stringify(change)}`);
    }
  });

  it('takes resource names as a restriction, which a list without a name does not meet', () => {
    putRole([{ ...get, resourceNames: ['x'] }]);
    bind({ kind: 'Group', name: 'team' });
    assert.deepEqual(
      ['get configmaps x', 'list configmaps x', 'get configmaps y', 'list configmaps'].map((text) =>
        allowed(request(text)),
      ),
      [true, true, false, false],
    );
  });

  it('knows stars for verbs, groups, resources and subresources, but not pods/*', () => {
    putRole([
      { verbs: ['*'], apiGroups: ['*'], resources: ['deployments', '*/scale'] },
      { verbs: ['get'], apiGroups: [''], resources: ['pods/*'] },
    ]);
    bind({ kind: 'User', name: 'jane' });
    assert.equal(allowed(request('anything deployments', { group: 'apps' })), true);
    assert.equal(allowed(request('update replicasets/scale x', { group: 'apps' })), true);
    assert.equal(allowed(request('get pods/log x')), false);
  });

  it('knows service accounts by their user name, with the binding’s namespace as the default', () => {
    putRole([get]);
    bind({ kind: 'ServiceAccount', name: 'robot' });
    const user: User = { username: 'system:serviceaccount:a:robot', groups: [] };
    const stranger: User = { username: 'system:serviceaccount:b:robot', groups: [] };
    assert.equal(allowed(request('get configmaps x', { user })), true);
    assert.equal(allowed(request('get configmaps x', { user: stranger })), false);
  });

  it('follows bindings as they change and go', () => {
    putRole([get]);
    bind({ kind: 'User', name: 'joe' });
    assert.equal(allowed(request('get configmaps x')), false);
    bind({ kind: 'User', name: 'jane' });
    assert.equal(allowed(request('get configmaps x')), true);
    objects.remove(`rolebindings.${GROUP}`, 'a', 'b');
    assert.equal(allowed(request('get configmaps x')), false);
  });

  it('tells which rule allowed and which role is missing', () => {
    putRole([get]);
    bind({ kind: 'User', name: 'jane' });
    assert.equal(
      authorizer.authorize(request('get configmaps x')).reason,
      'RBAC: allowed by RoleBinding "b/a" of Role "r" to User "jane"',
    );
    bind({ kind: 'User', name: 'jane' }, 'ClusterRole', 'a', 'gone');
    assert.deepEqual(authorizer.authorize(request('get configmaps x')), {
      allowed: false,
      reason: `RBAC: clusterrole.${GROUP} "gone" not found`,
    });
  });

  it('lets system:masters do everything without any role', () => {
    const user: User = { username: 'admin', groups: ['system:masters'] };
    assert.equal(allowed(request('delete nodes x', { user, namespace: '' })), true);
    assert.equal(allowed(path('get', '/metrics', user)), true);
  });

  it('adds up aggregated roles, as they come to match, also when they go round in a circle', () => {
    const aggregate = (name: string, selects: string, labels: Record<string, string>) =>
      objects.put(`clusterroles.${GROUP}`, {
        metadata: { name, labels },
        aggregationRule: { clusterRoleSelectors: [{ matchLabels: { [selects]: 'true' } }] },
      } as object);
    aggregate('outer', 'inner', { outer: 'true' });
    aggregate('inner', 'outer', { inner: 'true' });
    const binding: ClusterRoleBinding = {
      metadata: { name: 'b' },
      roleRef: { kind: 'ClusterRole', name: 'outer' },
      subjects: [{ kind: 'User', name: 'jane' }],
    };
    objects.put(`clusterrolebindings.${GROUP}`, binding);
    assert.equal(allowed(request('get configmaps x')), false);
    objects.put(`clusterroles.${GROUP}`, {
      metadata: { name: 'part', labels: { inner: 'true' } },
      rules: [get],
    } as object);
    assert.equal(allowed(request('get configmaps x', { namespace: '' })), true);
  });
});

describe('the bootstrap roles', () => {
  beforeEach(() => {
    for (const object of bootstrapObjects()) {
      objects.put(`${object.kind?.toLowerCase()}s.${GROUP}`, object);
    }
  });
  const as = (username: string, ...groups: string[]) => ({ user: { username, groups } });

  it('grant the world health and version, and nothing else', () => {
    const nobody = { username: 'system:anonymous', groups: ['system:unauthenticated'] };
    assert.equal(allowed(path('get', '/healthz', nobody)), true);
    assert.equal(allowed(path('get', '/version', nobody)), true);
    assert.equal(allowed(path('get', '/api', nobody)), false);
    assert.equal(allowed(request('list nodes', { user: nobody, namespace: '' })), false);
  });

  it('grant everybody known discovery and questions about themselves', () => {
    assert.equal(allowed(path('get', '/apis/apps/v1')), true);
    assert.equal(allowed(path('get', '/metrics')), false);
    const review = { group: 'authorization.k8s.io', namespace: '' };
    assert.equal(allowed(request('create selfsubjectaccessreviews', review)), true);
    assert.equal(allowed(request('create subjectaccessreviews', review)), false);
  });

  it('make view, edit and admin steps upon each other', () => {
    const rights: [string, string, boolean[]][] = [
      ['list pods', '', [true, true, true]],
      ['list endpointslices', 'discovery.k8s.io', [true, true, true]],
      ['create pods/exec x', '', [false, true, true]],
      ['get secrets x', '', [false, true, true]],
      ['delete deployments x', 'apps', [false, true, true]],
      ['create roles', GROUP, [false, false, true]],
      ['delete namespaces a', '', [false, false, false]],
    ];
    for (const [index, role] of ['view', 'edit', 'admin'].entries()) {
      bind({ kind: 'User', name: 'jane' }, 'ClusterRole', 'a', role);
      for (const [text, group, expected] of rights) {
        assert.equal(allowed(request(text, { group })), expected[index], `${role}: ${text}`);
      }
    }
  });

  it('give nodes, proxies and controllers what they need', () => {
    const cluster = { namespace: '' };
    const node = as('system:node:n1', 'system:nodes');
    assert.equal(allowed(request('patch nodes/status n1', { ...node, ...cluster })), true);
    assert.equal(allowed(request('create serviceaccounts/token x', node)), true);
    assert.equal(allowed(request('delete deployments x', { ...node, group: 'apps' })), false);
    const proxy = as('system:kube-proxy');
    assert.equal(
      allowed(request('watch endpointslices', { ...proxy, ...cluster, group: 'discovery.k8s.io' })),
      true,
    );
    assert.equal(allowed(request('delete services x', proxy)), false);
    const controllers = as('system:kube-controller-manager');
    assert.equal(
      allowed(request('create endpointslices', { ...controllers, group: 'discovery.k8s.io' })),
      true,
    );
    assert.equal(allowed(request('create pods/binding x', controllers)), true);
    const account = as('system:serviceaccount:kube-system:deployment-controller');
    assert.equal(allowed(request('create replicasets', { ...account, group: 'apps' })), true);
    assert.equal(allowed(request('create pods', account)), false);
  });

  it('refer to roles that exist, and each has its name once', () => {
    const all = bootstrapObjects();
    const keyOf = (kind: string, namespace = '', name = '') => `${kind} ${namespace}/${name}`;
    const keys = all.map(({ kind = '', metadata }) => keyOf(kind, metadata?.namespace, metadata?.name));
    assert.equal(new Set(keys).size, keys.length);
    for (const { kind, metadata, roleRef } of all as RoleBinding[]) {
      if (kind?.endsWith('Binding')) {
        assert.ok(
          keys.includes(keyOf(roleRef.kind, metadata?.namespace, roleRef.name)),
          metadata?.name ?? '',
        );
      }
    }
  });
});
