import assert from 'node:assert/strict';
import { test } from 'node:test';
import { planNodeResolvConf } from './plan-node-resolv-conf.ts';

test('planNodeResolvConf() asks the gateway, with the host’s searches and options', () => {
  const host =
    '# stub\nnameserver 127.0.0.53\n search corp.example\noptions edns0 trust-ad\nsearchlight on\n';
  assert.equal(
    planNodeResolvConf(host, ['172.30.0.3', 'fd00:172:30::3']),
    'nameserver 172.30.0.3\nnameserver fd00:172:30::3\nsearch corp.example\noptions edns0 trust-ad\n',
  );
  assert.equal(planNodeResolvConf('', ['172.30.0.3']), 'nameserver 172.30.0.3\n');
});
