import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeParsed } from '#api/machinery/decode.ts';
import { kindFor } from '#api/machinery/kinds.ts';
import { strategyFor } from '#api/machinery/strategy.ts';

function findings(plural: string, body: object, old?: object): string[] {
  const kind = kindFor('rbac.authorization.k8s.io', 'v1', plural);
  assert.ok(kind);
  const strategy = strategyFor(kind);
  const metadata = { name: 'system:x', ...(kind.namespaced && { namespace: 'n' }), resourceVersion: '1' };
  const [object, before] = [body, old].map((value) => {
    const decoded = decodeParsed({ value: { metadata, ...value }, duplicates: [] }, kind).object;
    strategy.defaults(decoded);
    return decoded;
  });
  assert.ok(object && before);
  const errors =
    old === undefined ? strategy.validateCreate(object) : strategy.validateUpdate(object, before);
  return errors.map(({ field, type }) => `${field} ${type.replace('FieldValue', '')}`);
}

const RULE = { verbs: ['get'], apiGroups: [''], resources: ['pods'] };
const CASES: readonly [string, string, object, string[]][] = [
  ['a role', 'roles', { rules: [RULE] }, []],
  ['a rule without verbs', 'roles', { rules: [{ ...RULE, verbs: [] }] }, ['rules[0].verbs Required']],
  [
    'a rule about nothing',
    'roles',
    { rules: [{ verbs: ['get'] }] },
    ['rules[0].apiGroups Required', 'rules[0].resources Required'],
  ],
  [
    'URLs in a role',
    'roles',
    { rules: [{ verbs: ['get'], nonResourceURLs: ['/x'] }] },
    ['rules[0].nonResourceURLs Invalid'],
  ],
  ['URLs in a cluster role', 'clusterroles', { rules: [{ verbs: ['get'], nonResourceURLs: ['/x'] }] }, []],
  [
    'URLs beside resources',
    'clusterroles',
    { rules: [{ ...RULE, nonResourceURLs: ['/x'] }] },
    ['rules[0].nonResourceURLs Invalid'],
  ],
  [
    'an aggregation of nothing',
    'clusterroles',
    { aggregationRule: {} },
    ['aggregationRule.clusterRoleSelectors Required'],
  ],
  [
    'a binding',
    'rolebindings',
    {
      roleRef: { kind: 'Role', name: 'r' },
      subjects: [
        { kind: 'User', name: 'u' },
        { kind: 'ServiceAccount', name: 's' },
      ],
    },
    [],
  ],
  [
    'a binding of no role',
    'rolebindings',
    { roleRef: { kind: 'Rule', name: '' } },
    ['roleRef.kind NotSupported', 'roleRef.name Required'],
  ],
  [
    'a cluster binding of a role',
    'clusterrolebindings',
    { roleRef: { kind: 'Role', name: 'r' } },
    ['roleRef.kind NotSupported'],
  ],
  [
    'bad subjects',
    'clusterrolebindings',
    {
      roleRef: { kind: 'ClusterRole', name: 'r', apiGroup: 'x' },
      subjects: [
        { kind: 'Dog', name: '' },
        { kind: 'ServiceAccount', name: 'S', apiGroup: 'x' },
      ],
    },
    [
      'roleRef.apiGroup NotSupported',
      'subjects[0].name Required',
      'subjects[0].kind NotSupported',
      'subjects[1].apiGroup NotSupported',
      'subjects[1].name Invalid',
      'subjects[1].namespace Required',
    ],
  ],
];
for (const [what, plural, body, expected] of CASES) {
  test(`validate() of ${what} finds ${expected.join(', ') || 'nothing'}`, () => {
    assert.deepEqual(findings(plural, body), expected);
  });
}

test('a binding keeps its roleRef for ever', () => {
  const old = { roleRef: { kind: 'Role', name: 'r' } };
  assert.deepEqual(findings('rolebindings', { ...old, subjects: [{ kind: 'User', name: 'u' }] }, old), []);
  assert.deepEqual(findings('rolebindings', { roleRef: { kind: 'Role', name: 's' } }, old), [
    'roleRef Invalid',
  ]);
});
