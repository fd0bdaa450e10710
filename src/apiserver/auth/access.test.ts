import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { isStatusError } from '#api/machinery/status-error.ts';
import type { PolicyRule } from '#api/rbac/v1.gen.ts';
import { countRights, ruleText, uncoveredRules } from './plan-escalation.ts';
import { forbiddenError } from './plan-forbidden.ts';
import { planImpersonation } from './plan-impersonation.ts';
import { ruleAllows } from './plan-rbac.ts';
import { attributesOf, splitRules, subjectOf, validateQuestion, validateSubject } from './plan-review.ts';
import type { ResourceAttributes, User } from './types.ts';

const admin: User = { username: 'admin', groups: ['ops'] };

describe('planImpersonation()', () => {
  it('does nothing without its headers', () => {
    assert.deepEqual(planImpersonation({ host: ['x'] }, admin), { kind: 'none' });
  });

  it('asks for the right to every single thing that is taken on', () => {
    const plan = planImpersonation(
      {
        'impersonate-user': ['jane'],
        'impersonate-group': ['a, b', 'c'],
        'impersonate-uid': ['7'],
        'impersonate-extra-scopes': ['x', 'y'],
        'impersonate-extra-example.com%2fkey': ['z'],
      },
      admin,
    );
    assert.equal(plan.kind, 'request');
    if (plan.kind === 'request') {
      assert.deepEqual(
        plan.required.map(({ resource, subresource, name }) => `${resource}/${subresource} ${name}`),
        [
          'users/ jane',
          'groups/ a, b',
          'groups/ c',
          'uids/ 7',
          'userextras/scopes x',
          'userextras/scopes y',
          'userextras/example.com/key z',
        ],
      );
      assert.deepEqual(plan.user, {
        username: 'jane',
        uid: '7',
        groups: ['a, b', 'c', 'system:authenticated'],
        extra: { scopes: ['x', 'y'], 'example.com/key': ['z'] },
      });
    }
  });

  it('gives service accounts their groups and leaves the anonymous unauthenticated', () => {
    const groupsOf = (name: string) => {
      const plan = planImpersonation({ 'impersonate-user': [name] }, admin);
      return plan.kind === 'request' && plan.user.groups;
    };
    assert.deepEqual(groupsOf('system:serviceaccount:a:robot'), [
      'system:serviceaccounts',
      'system:serviceaccounts:a',
      'system:authenticated',
    ]);
    assert.deepEqual(groupsOf('system:anonymous'), ['system:unauthenticated']);
  });

  it('refuses groups, uid or extra without a user', () => {
    assert.equal(planImpersonation({ 'impersonate-group': ['a'] }, admin).kind, 'bad');
    assert.equal(planImpersonation({ 'impersonate-uid': ['a'] }, admin).kind, 'bad');
  });
});

describe('forbiddenError()', () => {
  const base: ResourceAttributes = {
    kind: 'resource',
    user: { username: 'x', groups: [] },
    verb: 'list',
    group: '',
    version: 'v1',
    resource: 'pods',
    subresource: '',
    namespace: 'default',
    name: '',
  };
  const rows: [Parameters<typeof forbiddenError>[0], string][] = [
    [
      base,
      'pods is forbidden: User "x" cannot list resource "pods" in API group "" in the namespace "default"',
    ],
    [
      { ...base, verb: 'get', name: 'p', subresource: 'log' },
      'pods "p" is forbidden: User "x" cannot get resource "pods/log" in API group "" in the namespace "default"',
    ],
    [
      { ...base, resource: 'deployments', group: 'apps', namespace: '' },
      'deployments.apps is forbidden: User "x" cannot list resource "deployments" in API group "apps" at the cluster scope',
    ],
    [
      { kind: 'nonResource', user: base.user, verb: 'get', path: '/metrics' },
      'forbidden: User "x" cannot get path "/metrics"',
    ],
  ];
  for (const [attributes, message] of rows) {
    it(`says: ${message}`, () => {
      const error = forbiddenError(attributes, '');
      assert.ok(isStatusError(error, 'Forbidden'));
      assert.equal(error.message, message);
      assert.equal(forbiddenError(attributes, 'why').message, `${message}: why`);
    });
  }
});

describe('access reviews', () => {
  it('need one kind of question and somebody to ask about', () => {
    const resourceAttributes = { verb: 'get' };
    const nonResourceAttributes = { path: '/' };
    assert.equal(validateQuestion({}).length, 1);
    assert.equal(validateQuestion({ resourceAttributes, nonResourceAttributes }).length, 1);
    assert.equal(validateQuestion({ resourceAttributes }).length, 0);
    assert.equal(validateSubject({}).length, 1);
    assert.equal(validateSubject({ groups: ['g'] }).length, 0);
  });

  it('become the attributes of a request', () => {
    const spec = {
      user: 'u',
      groups: ['g'],
      resourceAttributes: { verb: 'get', resource: 'pods', name: 'p' },
    };
    const attributes = attributesOf(spec, subjectOf(spec));
    assert.deepEqual(attributes, {
      kind: 'resource',
      user: { username: 'u', groups: ['g'] },
      verb: 'get',
      group: '',
      version: '',
      resource: 'pods',
      subresource: '',
      namespace: '',
      name: 'p',
    });
  });
});

describe('access reviews of paths and of rules', () => {
  it('become the attributes of a path', () => {
    const spec = { nonResourceAttributes: { path: '/healthz', verb: 'get' } };
    assert.deepEqual(attributesOf(spec, admin), {
      kind: 'nonResource',
      user: admin,
      verb: 'get',
      path: '/healthz',
    });
  });

  it('list resources and paths apart', () => {
    const resource: PolicyRule = {
      verbs: ['get'],
      apiGroups: [''],
      resources: ['pods'],
      resourceNames: ['x'],
    };
    const paths: PolicyRule = { verbs: ['get'], nonResourceURLs: ['/healthz'] };
    assert.deepEqual(splitRules([resource, paths]), { resourceRules: [resource], nonResourceRules: [paths] });
  });
});

describe('ruleText()', () => {
  it('prints a right as upstream does in its refusal', () => {
    const rule: PolicyRule = { verbs: ['get', 'list'], apiGroups: [''], resources: ['pods'] };
    assert.equal(ruleText(rule), '{APIGroups:[""], Resources:["pods"], Verbs:["get" "list"]}');
  });
});

describe('uncoveredRules()', () => {
  const words = (...values: string[]) => fc.subarray(values, { minLength: 1 });
  const rules: fc.Arbitrary<PolicyRule> = fc.record({
    verbs: words('get', 'list', '*'),
    apiGroups: words('', 'apps', '*'),
    resources: words('pods', 'pods/log', '*/log', '*'),
    resourceNames: fc.subarray(['x', 'y']),
  });

  it('finds nothing in what is owned', () => {
    fc.assert(fc.property(fc.array(rules), (owned) => assert.deepEqual(uncoveredRules(owned, owned), [])));
  });

  it('never lets a right through that the owner does not have', () => {
    const requests = fc.record({
      verb: fc.constantFrom('get', 'list', 'delete'),
      group: fc.constantFrom('', 'apps', 'batch'),
      resource: fc.constantFrom('pods', 'jobs'),
      subresource: fc.constantFrom('', 'log'),
      name: fc.constantFrom('', 'x', 'z'),
    });
    fc.assert(
      fc.property(fc.array(rules, { maxLength: 3 }), rules, requests, (owned, wanted, request) => {
        const attributes: ResourceAttributes = {
          kind: 'resource',
          user: admin,
          version: 'v1',
          namespace: '',
          ...request,
        };
        if (uncoveredRules(owned, [wanted]).length === 0 && ruleAllows(wanted, attributes)) {
          assert.ok(owned.some((rule) => ruleAllows(rule, attributes)));
        }
      }),
      { numRuns: 500 },
    );
  });

  it('names every single right that is missing', () => {
    const owned: PolicyRule[] = [{ verbs: ['get'], apiGroups: [''], resources: ['pods'] }];
    const wanted: PolicyRule[] = [
      { verbs: ['get', 'list'], apiGroups: [''], resources: ['pods'] },
      { verbs: ['get'], nonResourceURLs: ['/metrics'] },
    ];
    assert.deepEqual(uncoveredRules(owned, wanted), [
      { verbs: ['list'], apiGroups: [''], resources: ['pods'] },
      { verbs: ['get'], nonResourceURLs: ['/metrics'] },
    ]);
  });
});

describe('countRights()', () => {
  it('counts without making them', () => {
    const many = Array.from({ length: 3000 }, (_, i) => `x${i}`);
    const rule = { verbs: many, apiGroups: many, resources: many };
    assert.equal(countRights([rule, { verbs: ['get'], nonResourceURLs: ['/a', '/b'] }]), 3000 ** 3 + 2);
    assert.equal(countRights([{ ...rule, resourceNames: ['a', 'b'] }]), 2 * 3000 ** 3);
  });
});
