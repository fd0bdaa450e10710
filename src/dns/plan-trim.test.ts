import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Pod, Service } from '#api/core/v1.gen.ts';
import type { EndpointSlice } from '#api/discovery/v1.gen.ts';
import { planPodEntry, planServiceEntry, planSliceEntry } from './plan-entries.ts';
import { trimPod, trimService, trimSlice } from './plan-trim.ts';

const METADATA = {
  namespace: 'default',
  name: 'web',
  uid: 'u',
  resourceVersion: '7',
  labels: { 'kubernetes.io/service-name': 'web' },
  managedFields: [{ manager: 'kubectl' }],
};

test('trimService() drops what no name is made of, and nothing else', () => {
  const service: Service = {
    metadata: METADATA,
    spec: {
      type: 'ClusterIP',
      clusterIP: '10.96.0.7',
      clusterIPs: ['10.96.0.7', 'fd00::7'],
      ports: [{ name: 'http', port: 80, protocol: 'TCP', nodePort: 30_080 }],
      selector: { app: 'web' },
    },
    status: { loadBalancer: {} },
  };
  const trimmed = trimService(service);
  assert.deepEqual(planServiceEntry(trimmed), planServiceEntry(service));
  assert.equal(trimmed.metadata?.managedFields, undefined);
  assert.equal(trimmed.spec?.selector, undefined);
  assert.equal(trimmed.status, undefined);
  assert.equal(trimmed.metadata?.resourceVersion, '7');
});

test('trimService() keeps what a Service has outside the cluster only where it is wanted', () => {
  const service: Service = {
    metadata: METADATA,
    spec: { externalIPs: ['198.51.100.7'] },
    status: { loadBalancer: { ingress: [{ ip: '203.0.113.9' }, { hostname: 'lb.example.org' }] } },
  };
  assert.deepEqual(planServiceEntry(trimService(service)).externals, []);
  const externals = ['198.51.100.7', '203.0.113.9', 'lb.example.org'];
  assert.deepEqual(planServiceEntry(trimService(service, true)).externals, externals);
});

test('trimSlice() keeps addresses, readiness, host and pod names, zone, and when the change began', () => {
  const trigger = { 'endpoints.kubernetes.io/last-change-trigger-time': '2026-01-01T00:00:00Z' };
  const slice: EndpointSlice = {
    metadata: { ...METADATA, annotations: { ...trigger, other: 'x' } },
    addressType: 'IPv4',
    ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
    endpoints: [
      { addresses: ['10.0.0.1'], conditions: { ready: true, serving: true }, nodeName: 'n', hostname: 'one' },
      { addresses: ['10.0.0.2'], conditions: { ready: false }, zone: 'a' },
      { addresses: ['10.0.0.3'], targetRef: { kind: 'Pod', name: 'three', uid: 'p' }, zone: 'a' },
    ],
  };
  const trimmed = trimSlice(slice);
  for (const podNames of [false, true])
    assert.deepEqual(planSliceEntry(trimmed, { podNames }), planSliceEntry(slice, { podNames }));
  assert.deepEqual(trimmed.metadata?.annotations, trigger);
  assert.deepEqual(
    trimmed.endpoints?.map(({ nodeName }) => nodeName),
    [undefined, undefined, undefined],
  );
});

test('trimPod() keeps the addresses, and that a pod is ending', () => {
  const pod: Pod = {
    metadata: { ...METADATA, deletionTimestamp: '2026-01-01T00:00:00Z' },
    spec: { containers: [{ name: 'c' }] },
    status: {
      podIP: '10.0.0.1',
      podIPs: [{ ip: '10.0.0.1' }, { ip: 'fd00::1' }],
      hostIP: '192.0.2.1',
      hostIPs: [{ ip: '192.0.2.1' }, { ip: '2001:db8::1' }],
      phase: 'Running',
    },
  };
  const trimmed = trimPod(pod);
  assert.equal(trimmed.metadata?.deletionTimestamp, '2026-01-01T00:00:00Z');
  assert.equal(trimmed.spec, undefined);
  const living = ({ metadata, ...rest }: Pod): Pod => ({
    ...rest,
    metadata: { ...metadata, deletionTimestamp: undefined },
  });
  assert.deepEqual(planPodEntry(living(trimmed)), planPodEntry(living(pod)));
  assert.deepEqual(planPodEntry(living(pod))?.nodeAddresses, ['192.0.2.1', '2001:db8::1']);
});
