import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Service } from '#api/core/v1.gen.ts';
import { planServiceEnv, selectServices } from './plan-service-env.ts';

const service = (namespace: string, name: string, spec: Service['spec']): Service => ({
  metadata: { namespace, name },
  spec,
});

test('planServiceEnv() writes host, ports and links in kubelet order', () => {
  const web = service('default', 'my-web.1', {
    clusterIP: '10.96.0.7',
    ports: [
      { name: 'http', port: 80 },
      { name: 'dns-udp', port: 53, protocol: 'UDP' },
    ],
  });
  assert.deepEqual(planServiceEnv([web]), [
    ['MY_WEB_1_SERVICE_HOST', '10.96.0.7'],
    ['MY_WEB_1_SERVICE_PORT', '80'],
    ['MY_WEB_1_SERVICE_PORT_HTTP', '80'],
    ['MY_WEB_1_SERVICE_PORT_DNS_UDP', '53'],
    ['MY_WEB_1_PORT', 'tcp://10.96.0.7:80'],
    ['MY_WEB_1_PORT_80_TCP', 'tcp://10.96.0.7:80'],
    ['MY_WEB_1_PORT_80_TCP_PROTO', 'tcp'],
    ['MY_WEB_1_PORT_80_TCP_PORT', '80'],
    ['MY_WEB_1_PORT_80_TCP_ADDR', '10.96.0.7'],
    ['MY_WEB_1_PORT_53_UDP', 'udp://10.96.0.7:53'],
    ['MY_WEB_1_PORT_53_UDP_PROTO', 'udp'],
    ['MY_WEB_1_PORT_53_UDP_PORT', '53'],
    ['MY_WEB_1_PORT_53_UDP_ADDR', '10.96.0.7'],
  ]);
});

test('planServiceEnv() puts an underscore before a leading digit and brackets around IPv6', () => {
  const variables = planServiceEnv([
    service('default', '3com', { clusterIP: 'fd00::1', ports: [{ port: 1 }] }),
  ]);
  assert.deepEqual(variables.slice(0, 3), [
    ['_3COM_SERVICE_HOST', 'fd00::1'],
    ['_3COM_SERVICE_PORT', '1'],
    ['_3COM_PORT', 'tcp://[fd00::1]:1'],
  ]);
});

test('selectServices() takes own Services with a cluster IP, and default/kubernetes always', () => {
  const all = [
    service('a', 'web', { clusterIP: '10.0.0.1' }),
    service('a', 'headless', { clusterIP: 'None' }),
    service('a', 'external', { type: 'ExternalName' }),
    service('b', 'other', { clusterIP: '10.0.0.2' }),
    service('default', 'kubernetes', { clusterIP: '10.0.0.3' }),
  ];
  const names = (links: boolean): (string | undefined)[] =>
    selectServices(all, 'a', links).map(({ metadata }) => metadata?.name);
  assert.deepEqual(names(true), ['kubernetes', 'web']);
  assert.deepEqual(names(false), ['kubernetes']);
});

test('selectServices() lets an own Service called kubernetes win', () => {
  const own = service('a', 'kubernetes', { clusterIP: '10.0.0.9' });
  const master = service('default', 'kubernetes', { clusterIP: '10.0.0.3' });
  assert.deepEqual(selectServices([own, master], 'a', true), [own]);
  assert.deepEqual(selectServices([master, own], 'a', true), [own]);
});
