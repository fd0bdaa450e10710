import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EndpointSlice } from '#api/discovery/v1.gen.ts';
import { planStandIns, standInService } from './plan-stand-in.ts';

const slice = (addressType: string, port: number, protocol: string, addresses: string[]): EndpointSlice => ({
  addressType,
  ports: [{ name: 'dns', port, protocol }],
  endpoints: addresses.map((address) => ({
    addresses: [address],
    conditions: { ready: address !== '10.244.0.9' },
  })),
});
const slices = [
  slice('IPv4', 53, 'UDP', ['10.244.0.1', '10.244.4.1', '10.244.0.9']),
  slice('IPv4', 53, 'TCP', ['10.244.8.1']),
  slice('IPv4', 54, 'UDP', ['10.244.8.2']),
  slice('IPv6', 53, 'UDP', ['fd00::1', 'fd00::2']),
];

test('planStandIns() takes the ready endpoints of the same port and family, but not the pod itself', () => {
  const podIps = ['10.244.0.1', 'fd00::1'];
  assert.deepEqual(planStandIns(slices, { family: 4, port: 53, podIps }), [
    { address: '10.244.4.1', port: 53 },
  ]);
  assert.deepEqual(planStandIns(slices, { family: 6, port: 53, podIps }), [{ address: 'fd00::2', port: 53 }]);
  assert.deepEqual(planStandIns([], { family: 4, port: 53, podIps }), []);
});

test('standInService() is of the namespace of the pod, and none without the annotation', () => {
  const annotations = { 'portolan.dev/stand-in': 'kube-dns' };
  assert.deepEqual(standInService({ metadata: { namespace: 'kube-system', annotations } }), {
    namespace: 'kube-system',
    name: 'kube-dns',
  });
  assert.equal(standInService({ metadata: { namespace: 'kube-system' } }), undefined);
});
