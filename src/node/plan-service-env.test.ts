import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Service, ServicePort } from '#api/core/v1.gen.ts';
import { planServiceEnv, selectServices } from './plan-service-env.ts';

const service = (namespace: string, name: string, spec: Service['spec']): Service => ({
  metadata: { namespace, name },
  spec,
});
const withPorts = (name: string, clusterIP: string, ...ports: ServicePort[]): Service =>
  service('default', name, { clusterIP, ports });
/** `NAME=value` lines. */
const lines = (...services: Service[]): string[] =>
  planServiceEnv(services).map(([name, value]) => `${name}=${value}`);

test('planServiceEnv() writes host, ports and links of each Service in kubelet’s order', () => {
  const services = [
    withPorts('foo-bar', '1.2.3.4', { port: 8080, protocol: 'TCP' }),
    withPorts(
      'abc-123',
      '5.6.7.8',
      { name: 'u-d-p', port: 8081, protocol: 'UDP' },
      { name: 't-c-p', port: 8081, protocol: 'TCP' },
    ),
    withPorts('q-u-u-x', '9.8.7.6', { port: 8082 }, { name: '8083', port: 8083, protocol: 'TCP' }),
  ];
  assert.deepEqual(lines(...services), [
    'FOO_BAR_SERVICE_HOST=1.2.3.4',
    'FOO_BAR_SERVICE_PORT=8080',
    'FOO_BAR_PORT=tcp://1.2.3.4:8080',
    'FOO_BAR_PORT_8080_TCP=tcp://1.2.3.4:8080',
    'FOO_BAR_PORT_8080_TCP_PROTO=tcp',
    'FOO_BAR_PORT_8080_TCP_PORT=8080',
    'FOO_BAR_PORT_8080_TCP_ADDR=1.2.3.4',
    'ABC_123_SERVICE_HOST=5.6.7.8',
    'ABC_123_SERVICE_PORT=8081',
    'ABC_123_SERVICE_PORT_U_D_P=8081',
    'ABC_123_SERVICE_PORT_T_C_P=8081',
    'ABC_123_PORT=udp://5.6.7.8:8081',
    'ABC_123_PORT_8081_UDP=udp://5.6.7.8:8081',
    'ABC_123_PORT_8081_UDP_PROTO=udp',
    'ABC_123_PORT_8081_UDP_PORT=8081',
    'ABC_123_PORT_8081_UDP_ADDR=5.6.7.8',
    'ABC_123_PORT_8081_TCP=tcp://5.6.7.8:8081',
    'ABC_123_PORT_8081_TCP_PROTO=tcp',
    'ABC_123_PORT_8081_TCP_PORT=8081',
    'ABC_123_PORT_8081_TCP_ADDR=5.6.7.8',
    'Q_U_U_X_SERVICE_HOST=9.8.7.6',
    'Q_U_U_X_SERVICE_PORT=8082',
    'Q_U_U_X_SERVICE_PORT_8083=8083',
    'Q_U_U_X_PORT=tcp://9.8.7.6:8082',
    'Q_U_U_X_PORT_8082_TCP=tcp://9.8.7.6:8082',
    'Q_U_U_X_PORT_8082_TCP_PROTO=tcp',
    'Q_U_U_X_PORT_8082_TCP_PORT=8082',
    'Q_U_U_X_PORT_8082_TCP_ADDR=9.8.7.6',
    'Q_U_U_X_PORT_8083_TCP=tcp://9.8.7.6:8083',
    'Q_U_U_X_PORT_8083_TCP_PROTO=tcp',
    'Q_U_U_X_PORT_8083_TCP_PORT=8083',
    'Q_U_U_X_PORT_8083_TCP_ADDR=9.8.7.6',
  ]);
});

test('planServiceEnv() puts brackets around IPv6 in URLs only', () => {
  const ipv6 = withPorts('super-ipv6', '2001:DB8::', { name: 'u-d-p', port: 8084, protocol: 'UDP' });
  assert.deepEqual(lines(ipv6), [
    'SUPER_IPV6_SERVICE_HOST=2001:DB8::',
    'SUPER_IPV6_SERVICE_PORT=8084',
    'SUPER_IPV6_SERVICE_PORT_U_D_P=8084',
    'SUPER_IPV6_PORT=udp://[2001:DB8::]:8084',
    'SUPER_IPV6_PORT_8084_UDP=udp://[2001:DB8::]:8084',
    'SUPER_IPV6_PORT_8084_UDP_PROTO=udp',
    'SUPER_IPV6_PORT_8084_UDP_PORT=8084',
    'SUPER_IPV6_PORT_8084_UDP_ADDR=2001:DB8::',
  ]);
});

test('planServiceEnv() knows SCTP, and a name that begins with a digit', () => {
  assert.deepEqual(lines(withPorts('3sctp.x', '1.2.3.4', { port: 777, protocol: 'SCTP' })), [
    '3SCTP_X_SERVICE_HOST=1.2.3.4',
    '3SCTP_X_SERVICE_PORT=777',
    '3SCTP_X_PORT=sctp://1.2.3.4:777',
    '3SCTP_X_PORT_777_SCTP=sctp://1.2.3.4:777',
    '3SCTP_X_PORT_777_SCTP_PROTO=sctp',
    '3SCTP_X_PORT_777_SCTP_PORT=777',
    '3SCTP_X_PORT_777_SCTP_ADDR=1.2.3.4',
  ]);
});

test('selectServices() takes own Services with a cluster IP, and default/kubernetes always', () => {
  const all = [
    service('default', 'kubernetes', { clusterIP: '1.2.3.1' }),
    service('test1', 'test', { clusterIP: '1.2.3.3' }),
    service('test2', 'kubernetes', { clusterIP: '1.2.3.4' }),
    service('test2', 'test', { clusterIP: '1.2.3.5' }),
    service('test2', 'headless', { clusterIP: 'None' }),
    service('test2', 'unset', { clusterIP: '' }),
    service('test2', 'external', { type: 'ExternalName', externalName: 'x.example' }),
    service('default', 'not-special', { clusterIP: '1.2.3.8' }),
  ];
  const cases: [namespace: string, links: boolean, ips: string[]][] = [
    ['test1', false, ['1.2.3.1']],
    ['test1', true, ['1.2.3.1', '1.2.3.3']],
    ['test2', false, ['1.2.3.1']],
    ['test2', true, ['1.2.3.4', '1.2.3.5']],
    ['default', false, ['1.2.3.1']],
    ['default', true, ['1.2.3.1', '1.2.3.8']],
    ['other', true, ['1.2.3.1']],
  ];
  for (const [namespace, links, ips] of cases) {
    for (const services of [all, all.toReversed()]) {
      const selected = selectServices(services, namespace, links).map(({ spec }) => spec?.clusterIP);
      assert.deepEqual(selected, ips, `${namespace} ${links}`);
    }
  }
});
