import assert from 'node:assert/strict';
import { test } from 'node:test';
import { podTemplateWarnings } from './pod-warnings.ts';

test('podTemplateWarnings() tells repeated aliases and addresses that are not canonical', () => {
  const spec = {
    containers: [],
    hostAliases: [{ ip: '1.2.3.4' }, { ip: '2001:db8::0:1' }, { ip: '1.2.3.4' }],
    dnsConfig: { nameservers: ['8.8.8.8', 'FE80::1'] },
  };
  assert.deepEqual(podTemplateWarnings({ spec }, 'spec.template.spec'), [
    'spec.template.spec.hostAliases[2].ip: duplicate ip "1.2.3.4"',
    'spec.template.spec.dnsConfig.nameservers[1]: IPv6 address "FE80::1" should be in RFC 5952 canonical format ("fe80::1")',
    'spec.template.spec.hostAliases[1].ip: IPv6 address "2001:db8::0:1" should be in RFC 5952 canonical format ("2001:db8::1")',
  ]);
  assert.deepEqual(podTemplateWarnings({ spec: { containers: [] } }, 'spec'), []);
});
