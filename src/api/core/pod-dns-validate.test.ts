import assert from 'node:assert/strict';
import { test } from 'node:test';
import { validatePodDns } from './pod-dns-validate.ts';
import type { PodDNSConfig, PodSpec } from './v1.gen.ts';

const errorsOf = (spec: Partial<PodSpec>): string[] =>
  validatePodDns({ containers: [], dnsPolicy: 'ClusterFirst', ...spec }, 'spec').map(
    ({ field, body }) => `${field}: ${body}`,
  );
/** Fields and kinds of the findings. */
const findings = (dnsConfig: PodDNSConfig, dnsPolicy = 'ClusterFirst'): string[] =>
  validatePodDns({ containers: [], dnsPolicy, dnsConfig }, 'spec').map(
    ({ field, type }) => `${field} ${type.replace('FieldValue', '')}`,
  );
const repeat = (count: number, length: number, first = length): string[] =>
  Array.from({ length: count }, (_, index) => 'a'.repeat(index === 0 ? first : length));
const numbered = (count: number): string[] => Array.from({ length: count }, (_, index) => `s${index}`);

test('validatePodDns() accepts the four policies and requires one', () => {
  for (const dnsPolicy of ['ClusterFirst', 'Default', 'ClusterFirstWithHostNet'])
    assert.deepEqual(errorsOf({ dnsPolicy }), []);
  assert.deepEqual(errorsOf({ dnsPolicy: '' }), ['spec.dnsPolicy: Required value']);
  assert.deepEqual(errorsOf({ dnsPolicy: 'invalid' }), [
    'spec.dnsPolicy: Unsupported value: "invalid": supported values: "ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"',
  ]);
});

test('validatePodDns() wants a nameserver under None', () => {
  assert.deepEqual(errorsOf({ dnsPolicy: 'None' }), [
    'spec.dnsConfig: Required value: must provide `dnsConfig` when `dnsPolicy` is None',
  ]);
  assert.deepEqual(errorsOf({ dnsPolicy: 'None', dnsConfig: { searches: ['custom?'] } }), [
    'spec.dnsConfig.nameservers: Required value: must provide at least one DNS nameserver when `dnsPolicy` is None',
  ]);
  assert.deepEqual(findings({ nameservers: ['127.0.0.1'] }, 'None'), []);
});

test('validatePodDns() accepts dnsConfig within the limits', () => {
  const accepted: PodDNSConfig[] = [
    {},
    { options: [{ name: 'ndots', value: '2' }] },
    { nameservers: ['127.0.0.1'] },
    { nameservers: ['FE80::0202:B3FF:FE1E:8329'] },
    { searches: ['custom'] },
    { searches: ['custom.'] },
    { nameservers: ['127.0.0.1', '10.0.0.10', '8.8.8.8'], searches: numbered(6) },
    { searches: numbered(32) },
    { searches: repeat(6, 50, 1) },
    { searches: repeat(6, 50, 2) },
    // 64 + 31 * 63 and 31 spaces: 2048. A label may have 63.
    { searches: repeat(32, 63, 64) },
  ];
  for (const dnsConfig of accepted) assert.deepEqual(findings(dnsConfig), [], JSON.stringify(dnsConfig));
});

test('validatePodDns() names what exceeds the limits', () => {
  const four = ['127.0.0.1', '10.0.0.10', '8.8.8.8', '1.2.3.4'];
  assert.deepEqual(errorsOf({ dnsConfig: { nameservers: four } }), [
    `spec.dnsConfig.nameservers: Invalid value: ${JSON.stringify(four)}: must not have more than 3 nameservers`,
  ]);
  assert.deepEqual(errorsOf({ dnsConfig: { searches: numbered(33) } }), [
    `spec.dnsConfig.searches: Invalid value: ${JSON.stringify(numbered(33))}: must not have more than 32 search paths`,
  ]);
  const long = repeat(32, 63, 65);
  assert.deepEqual(errorsOf({ dnsConfig: { searches: long } }), [
    `spec.dnsConfig.searches: Invalid value: ${JSON.stringify(long)}: must not have more than 2048 characters (including spaces) in the search list`,
  ]);
});

test('validatePodDns() names the entry that is malformed', () => {
  const refused: [PodDNSConfig, string[]][] = [
    [{ searches: ['x', 'custom?'] }, ['spec.dnsConfig.searches[1] Invalid']],
    [{ nameservers: ['invalid'] }, ['spec.dnsConfig.nameservers[0] Invalid']],
    [{ nameservers: ['001.002.003.004'] }, ['spec.dnsConfig.nameservers[0] Invalid']],
    [{ options: [{ name: 'a' }, { value: '2' }] }, ['spec.dnsConfig.options[1] Required']],
  ];
  for (const [dnsConfig, expected] of refused) assert.deepEqual(findings(dnsConfig), expected);
  assert.match(
    errorsOf({ dnsConfig: { searches: ['custom?.'] } })[0] ?? '',
    /^spec\.dnsConfig\.searches\[0\]: Invalid value: "custom\?": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '_', '-' or '\.'/,
  );
});

test('validatePodDns() accepts underscores and the root in searches (KEP-4427)', () => {
  const at = ['spec.dnsConfig.searches[0] Invalid'];
  for (const search of ['_sip._tcp.abc_d.example.com', 'abc_d.example.com', '.', 'example.com'])
    assert.deepEqual(findings({ searches: [search] }), [], search);
  for (const search of ['..', '_.', '-.', '__.', '.__', '._', '____________', '☃.example.com', '', 'A'])
    assert.deepEqual(findings({ searches: [search] }), at, search);
});

test('validatePodDns() judges hostnameOverride', () => {
  const at = 'spec.hostnameOverride';
  const accepted: Partial<PodSpec>[] = [
    { hostnameOverride: 'a' },
    { hostnameOverride: 'custom.host' },
    { hostnameOverride: 'a'.repeat(64) },
    { hostnameOverride: 'x', setHostnameAsFQDN: false },
    { hostnameOverride: 'x', hostNetwork: false },
  ];
  for (const spec of accepted) assert.deepEqual(errorsOf(spec), []);
  assert.deepEqual(errorsOf({ hostnameOverride: 'a'.repeat(65) }), [
    `${at}: Too long: may not be more than 64 bytes`,
  ]);
  assert.deepEqual(errorsOf({ hostnameOverride: 'x', setHostnameAsFQDN: true, hostNetwork: true }), [
    `${at}: Forbidden: may not be specified when setHostnameAsFQDN is true`,
    `${at}: Forbidden: may not be specified when hostNetwork is true`,
  ]);
  for (const hostnameOverride of ['', 'Not-RFC1123', 'a_b'])
    assert.match(errorsOf({ hostnameOverride })[0] ?? '', /^spec\.hostnameOverride: Invalid value: /);
});

test('validatePodDns() judges hostname, subdomain and hostAliases in this order', () => {
  const errors = validatePodDns(
    {
      containers: [],
      dnsPolicy: 'Default',
      dnsConfig: { nameservers: ['x'] },
      hostnameOverride: '-',
      hostname: 'a.b',
      subdomain: 'a_b',
      hostAliases: [{ ip: '1.2.3.4', hostnames: ['fine', 'Not'] }, { ip: '999.1.1.1' }],
    },
    'spec.template.spec',
  );
  assert.deepEqual(
    errors.map(({ field }) => field.replace('spec.template.spec.', '')),
    [
      'dnsConfig.nameservers[0]',
      'hostnameOverride',
      'hostname',
      'subdomain',
      'hostAliases[0].hostnames[1]',
      'hostAliases[1].ip',
    ],
  );
});
