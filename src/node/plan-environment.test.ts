import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import type { Container, Pod } from '#api/core/v1.gen.ts';
import { ContainerConfigError, environmentReferences, planEnvironment } from './plan-environment.ts';
import { expand } from './plan-expansion.ts';
import { fieldValue, resourceFieldValue } from './plan-field.ts';

const facts = {
  nodeName: 'n1',
  hostIps: ['172.30.0.10', 'fd00::a'],
  podIps: ['10.0.0.1', 'fd00::1'],
  allocatable: { cpu: '2', memory: '1Gi' },
};
const pod: Pod = {
  metadata: {
    name: 'p',
    namespace: 'ns',
    uid: 'u',
    labels: { b: '2', a: 'x"y' },
    annotations: { note: 'n' },
  },
  spec: { serviceAccountName: 'sa', containers: [] },
};
const none = { configMaps: new Map(), secrets: new Map() };

test('expand() replaces known names, keeps unknown ones and unescapes dollars', () => {
  const lookup = (name: string): string | undefined => ({ A: '1', B: '$(A)' })[name];
  const cases: [string, string][] = [
    ['$(A)', '1'],
    ['x$(A)y$(A)', 'x1y1'],
    ['$(B)', '$(A)'],
    ['$(NO)', '$(NO)'],
    ['$$(A)', '$(A)'],
    ['$$$(A)', '$1'],
    ['$(A', '$(A'],
    ['$A', '$A'],
    ['$', '$'],
    ['a$', 'a$'],
    ['', ''],
    ['$()', '$()'],
  ];
  for (const [input, output] of cases) assert.equal(expand(input, lookup), output, input);
});

test('expand() leaves any text without a dollar sign as it is', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      const plain = text.replaceAll('$', '');
      assert.equal(
        expand(plain, () => 'x'),
        plain,
      );
    }),
  );
});

test('fieldValue() knows the downward API paths and no other', () => {
  const cases: [string, string | undefined][] = [
    ['metadata.name', 'p'],
    ['metadata.namespace', 'ns'],
    ['metadata.uid', 'u'],
    ["metadata.labels['b']", '2'],
    ["metadata.labels['none']", ''],
    ["metadata.annotations['note']", 'n'],
    ['metadata.labels', 'a="x\\"y"\nb="2"'],
    ['spec.nodeName', 'n1'],
    ['spec.serviceAccountName', 'sa'],
    ['status.hostIP', '172.30.0.10'],
    ['status.hostIPs', '172.30.0.10,fd00::a'],
    ['status.podIP', '10.0.0.1'],
    ['status.podIPs', '10.0.0.1,fd00::1'],
    ['metadata.annotations', 'note="n"'],
    ['spec.containers', undefined],
  ];
  for (const [path, value] of cases) assert.equal(fieldValue(pod, path, facts), value, path);
});

test('resourceFieldValue() divides and rounds up; a missing limit is the node’s', () => {
  const container = { resources: { limits: { cpu: '1500m' }, requests: { memory: '100Mi' } } };
  const value = (resource: string, divisor?: string): string | undefined =>
    resourceFieldValue(container, { resource, ...(divisor ? { divisor } : {}) }, facts);
  assert.equal(value('limits.cpu'), '2');
  assert.equal(value('limits.cpu', '1m'), '1500');
  assert.equal(value('requests.memory', '1Mi'), '100');
  assert.equal(value('limits.memory', '1Mi'), '1024');
  assert.equal(value('requests.cpu'), '0');
  assert.equal(value('nonsense'), undefined);
});

test('planEnvironment() lets env win over envFrom and both over Services', () => {
  const container: Container = {
    name: 'c',
    envFrom: [{ prefix: 'P_', configMapRef: { name: 'cm' } }, { secretRef: { name: 's' } }],
    env: [
      { name: 'P_A', value: 'own' },
      { name: 'REF', value: '$(P_B)/$(SVC)/$(LATER)' },
      { name: 'LATER', value: 'x' },
      { name: 'KEY', valueFrom: { secretKeyRef: { name: 's', key: 'pass' } } },
      { name: 'GONE', valueFrom: { configMapKeyRef: { name: 'nope', key: 'x', optional: true } } },
      { name: 'EMPTY' },
      { name: 'CPU', valueFrom: { resourceFieldRef: { resource: 'limits.cpu' } } },
    ],
  };
  const objects = {
    configMaps: new Map([['cm', { data: { A: '1', B: '2' } }]]),
    secrets: new Map([['s', { data: { pass: Buffer.from('word').toString('base64') } }]]),
  };
  const planned = planEnvironment(
    pod,
    container,
    [
      ['SVC', 'ip'],
      ['P_B', 'shadowed'],
    ],
    objects,
    facts,
  );
  assert.deepEqual(Object.fromEntries(planned), {
    P_A: 'own',
    P_B: '2',
    pass: 'word',
    REF: '2/ip/$(LATER)',
    LATER: 'x',
    KEY: 'word',
    EMPTY: '',
    CPU: '2',
    SVC: 'ip',
  });
  assert.deepEqual(environmentReferences(container), {
    configMaps: ['cm', 'nope'],
    secrets: ['s'],
    files: [],
  });
});

test('planEnvironment() expands what stands before, and Services, as kubelet does', () => {
  const serviceEnv: [string, string][] = [
    ['TEST_SERVICE_HOST', '1.2.3.3'],
    ['TEST_SERVICE_PORT', '8083'],
  ];
  const objects = { ...none, configMaps: new Map([['cm', { data: { REPLACE_ME: 'CM', DUPE: 'CM' } }]]) };
  const container: Container = {
    name: 'c',
    envFrom: [{ configMapRef: { name: 'cm' } }, { prefix: '1_', configMapRef: { name: 'cm' } }],
    env: [
      { name: 'TEST_LITERAL', value: 'test-test-test' },
      { name: 'POD_NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
      { name: 'OUT_OF_ORDER_TEST', value: '$(OUT_OF_ORDER_TARGET)' },
      { name: 'OUT_OF_ORDER_TARGET', value: 'FOO' },
      { name: 'EMPTY_VAR' },
      { name: 'EMPTY_TEST', value: 'foo-$(EMPTY_VAR)' },
      { name: 'POD_NAME_TEST2', value: 'test2-$(POD_NAME)' },
      { name: 'POD_NAME_TEST3', value: '$(POD_NAME_TEST2)-3' },
      { name: 'LITERAL_TEST', value: 'literal-$(TEST_LITERAL)' },
      { name: 'SERVICE_VAR_TEST', value: '$(TEST_SERVICE_HOST):$(TEST_SERVICE_PORT)' },
      { name: 'TEST_UNDEFINED', value: '$(UNDEFINED_VAR)' },
      { name: 'EXPANSION_TEST', value: '$(REPLACE_ME)' },
      { name: 'DUPE', value: 'ENV_VAR' },
      { name: 'TEST_SERVICE_PORT', value: 'own' },
    ],
  };
  const planned = planEnvironment(pod, container, serviceEnv, objects, facts);
  assert.deepEqual(Object.fromEntries(planned), {
    REPLACE_ME: 'CM',
    '1_REPLACE_ME': 'CM',
    '1_DUPE': 'CM',
    TEST_LITERAL: 'test-test-test',
    POD_NAME: 'p',
    OUT_OF_ORDER_TEST: '$(OUT_OF_ORDER_TARGET)',
    OUT_OF_ORDER_TARGET: 'FOO',
    EMPTY_VAR: '',
    EMPTY_TEST: 'foo-',
    POD_NAME_TEST2: 'test2-p',
    POD_NAME_TEST3: 'test2-p-3',
    LITERAL_TEST: 'literal-test-test-test',
    SERVICE_VAR_TEST: '1.2.3.3:8083',
    TEST_UNDEFINED: '$(UNDEFINED_VAR)',
    EXPANSION_TEST: 'CM',
    DUPE: 'ENV_VAR',
    TEST_SERVICE_PORT: 'own',
    TEST_SERVICE_HOST: '1.2.3.3',
  });
});

test('planEnvironment() takes variables from files of volumes', () => {
  const files = new Map([
    ['v/ok', "A='one'\n"],
    ['v/bad', 'A=one\n'],
  ]);
  const read = (path: string, key: string, optional?: boolean) => {
    const fileKeyRef = { volumeName: 'v', path, key, optional };
    const container = { name: 'c', env: [{ name: 'X', valueFrom: { fileKeyRef } }] };
    assert.deepEqual(environmentReferences(container).files, [fileKeyRef]);
    return planEnvironment(pod, container, [], { ...none, files }, facts).get('X');
  };
  assert.equal(read('ok', 'A'), 'one');
  assert.equal(read('ok', 'B', true), undefined);
  assert.equal(read('none', 'A', true), undefined);
  assert.throws(
    () => read('ok', 'B'),
    new ContainerConfigError('environment variable key "B" not found in file "ok"'),
  );
  assert.throws(() => read('bad', 'A', true), /^ContainerConfigError: couldn't parse env file bad: /);
});

test('planEnvironment() keeps names that differ in case apart, on Windows too', () => {
  const env = [
    { name: 'PATH', value: 'a' },
    { name: 'Path', value: '$(PATH);b' },
  ];
  const planned = planEnvironment(pod, { name: 'c', env }, [], none, facts);
  assert.deepEqual(
    [...planned],
    [
      ['PATH', 'a'],
      ['Path', 'a;b'],
    ],
  );
});

test('planEnvironment() names what is missing', () => {
  const plan =
    (container: Omit<Container, 'name'>): (() => unknown) =>
    () =>
      planEnvironment(pod, { name: 'c', ...container }, [], none, facts);
  const cases: [Omit<Container, 'name'>, string][] = [
    [{ envFrom: [{ configMapRef: { name: 'x' } }] }, 'configmap "x" not found'],
    [{ envFrom: [{ secretRef: { name: 'x' } }] }, 'secret "x" not found'],
    [
      { env: [{ name: 'A', valueFrom: { configMapKeyRef: { name: 'x', key: 'k' } } }] },
      'configmap "x" not found',
    ],
    [{ env: [{ name: 'A', valueFrom: { secretKeyRef: { name: 'x', key: 'k' } } }] }, 'secret "x" not found'],
    [
      { env: [{ name: 'A', valueFrom: { fieldRef: { fieldPath: 'spec.x' } } }] },
      'unsupported fieldPath: spec.x',
    ],
  ];
  for (const [container, message] of cases) assert.throws(plan(container), new ContainerConfigError(message));
  const withMap = { configMaps: new Map([['x', {}]]), secrets: new Map([['x', {}]]) };
  const keyed = (source: object) => () =>
    planEnvironment(pod, { name: 'c', env: [{ name: 'A', valueFrom: source }] }, [], withMap, facts);
  assert.throws(
    keyed({ configMapKeyRef: { name: 'x', key: 'k' } }),
    /couldn't find key k in ConfigMap ns\/x/,
  );
  assert.throws(keyed({ secretKeyRef: { name: 'x', key: 'k' } }), /couldn't find key k in Secret ns\/x/);
});
