import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  cIdentifier,
  configMapKey,
  dns1035Label,
  dns1123Label,
  dns1123Subdomain,
  domainPrefixedPath,
  envVarName,
  httpHeaderName,
  labelValue,
  nameCheck,
  pathSegmentName,
  portName,
  portNumber,
  qualifiedName,
  wildcardDns1123Subdomain,
} from './names.ts';

const CHECKS: readonly [(value: string) => string[], string[], string[]][] = [
  [dns1123Label, ['a', 'a-1', '1a', 'a'.repeat(63)], ['', '-a', 'a-', 'A', 'a.b', 'a_b', 'a'.repeat(64)]],
  [
    dns1123Subdomain,
    ['a', 'a.b', '1.2-3'],
    ['', '.a', 'a..b', 'a.', 'A.b', `${'a.'.repeat(127)}a`.repeat(2)],
  ],
  [dns1035Label, ['a', 'a-1'], ['1a', '', 'a-']],
  [wildcardDns1123Subdomain, ['*.a', '*.a.b'], ['a.b', '*', '*.', '*.*.a', 'a.*.b']],
  [qualifiedName, ['a', 'A.b_c-d', 'x.y/z'], ['', '/a', 'a/', 'X/a', 'a/b/c', '-a', 'a'.repeat(64)]],
  [labelValue, ['', 'a', 'A_b.c'], ['-a', 'a b', 'a'.repeat(64)]],
  [configMapKey, ['a', '.a', 'A_b-c.d'], ['', '.', '..', '..a', 'a/b']],
  [envVarName, ['a', 'A.B', '1 x'], ['', 'a=b', 'é']],
  [cIdentifier, ['a', '_A1'], ['', '1a', 'a-b']],
  [portName, ['a', 'http-2', 'a1'], ['', '80', '-a', 'a--b', 'A', 'a'.repeat(16)]],
  [httpHeaderName, ['X-A'], ['', 'a b']],
  [domainPrefixedPath, ['a.io/x', 'a.io/x/y'], ['a', '/a', 'a.io/', 'A/x', 'a.io/ x']],
  [pathSegmentName, ['a', 'system:x', 'A B'], ['.', '..', 'a/b', 'a%b']],
];
for (const [check, good, bad] of CHECKS) {
  test(`${check.name}() tells good from bad`, () => {
    for (const value of good) assert.deepEqual(check(value), [], value);
    for (const value of bad) assert.notDeepEqual(check(value), [], value);
  });
}

test('dns1123Label() shows the rule as upstream does', () => {
  assert.deepEqual(dns1123Label('A'), [
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name', or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')",
  ]);
  assert.deepEqual(dns1123Label('a.b'), ['must not contain dots']);
});

test('portNumber() is 1 to 65535', () => {
  assert.deepEqual([1, 65535].flatMap(portNumber), []);
  assert.deepEqual(portNumber(0), ['must be between 1 and 65535, inclusive']);
});

test('nameCheck() lets a generated name end in a hyphen', () => {
  const check = nameCheck(dns1123Subdomain);
  assert.deepEqual(check('web-', true), []);
  assert.notDeepEqual(check('web-', false), []);
  assert.notDeepEqual(check('-', true), []);
});
