import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EndpointSubset, Endpoints, Service } from '#api/core/v1.gen.ts';
import { isMirrored, planMirror } from './plan.ts';

const endpoints = (subsets: EndpointSubset[], metadata: Endpoints['metadata'] = {}): Endpoints => ({
  metadata: { namespace: 'n', name: 'web', uid: 'u', ...metadata },
  subsets,
});
const service = (selector?: Record<string, string>): Service => ({ spec: { selector } });
const ports = [{ port: 80 }];

test('`isMirrored()` is for Endpoints that users keep for a Service without selector', () => {
  const plain = endpoints([]);
  assert.equal(isMirrored(plain, service()), true);
  assert.equal(isMirrored(plain, service({})), true);
  assert.equal(isMirrored(plain, service({ app: 'web' })), false);
  assert.equal(isMirrored(plain, undefined), false);
  assert.equal(isMirrored(undefined, service()), false);
  const skip = { 'endpointslice.kubernetes.io/skip-mirror': 'true' };
  assert.equal(isMirrored(endpoints([], { labels: skip }), service()), false);
  const leader = { 'control-plane.alpha.kubernetes.io/leader': '{}' };
  assert.equal(isMirrored(endpoints([], { annotations: leader }), service()), false);
});

test('`planMirror()` makes a slice per family and set of ports', () => {
  const plan = planMirror(
    endpoints([
      {
        addresses: [{ ip: '10.0.0.1' }, { ip: 'FD00::0:1' }],
        notReadyAddresses: [{ ip: '10.0.0.2' }],
        ports,
      },
      {
        addresses: [{ ip: '10.0.0.1', hostname: 'a', nodeName: 'x' }],
        ports: [{ name: 'b', port: 81, appProtocol: 'h2' }],
      },
    ]),
    [],
    1000,
  );
  const text = plan.create.map((slice) => [
    slice.addressType,
    slice.ports?.[0]?.port,
    slice.endpoints?.map((one) => [one.addresses[0], one.conditions?.ready]),
  ]);
  assert.deepEqual(text, [
    [
      'IPv4',
      80,
      [
        ['10.0.0.1', true],
        ['10.0.0.2', false],
      ],
    ],
    ['IPv6', 80, [['fd00::1', true]]],
    ['IPv4', 81, [['10.0.0.1', true]]],
  ]);
});

test('`planMirror()` copies labels and annotations but the reserved ones, and follows their changes', () => {
  const subsets = [{ addresses: [{ ip: '10.0.0.1' }], ports }];
  const metadata = {
    labels: { team: 'a', 'kubernetes.io/service-name': 'other' },
    annotations: { note: 'x', 'kubectl.kubernetes.io/last-applied-configuration': '{}' },
  };
  const [slice] = planMirror(endpoints(subsets, metadata), [], 10).create;
  assert.equal(slice?.metadata?.labels?.['team'], 'a');
  assert.equal(slice.metadata.labels['kubernetes.io/service-name'], 'web');
  assert.deepEqual(slice.metadata.annotations, { note: 'x' });
  const settled = planMirror(endpoints(subsets, metadata), [slice], 10);
  assert.deepEqual([settled.update, settled.unchanged.length], [[], 1]);
  const relabelled = planMirror(endpoints(subsets, { labels: { team: 'b' } }), [slice], 10);
  assert.equal(relabelled.update[0]?.metadata?.labels?.['team'], 'b');
});

test('`planMirror()` leaves out what is too much or no address, and says so', () => {
  const addresses = ['10.0.0.1', 'nonsense', '10.0.0.2', '10.0.0.3'].map((ip) => ({ ip }));
  const plan = planMirror(endpoints([{ addresses, ports }]), [], 2);
  assert.deepEqual(plan.skipped, { tooMany: 1, invalid: 1 });
  assert.equal(plan.create[0]?.endpoints?.length, 2);
});

test('`planMirror()` removes slices whose ports are gone, or uses them again', () => {
  const [slice] = planMirror(endpoints([{ addresses: [{ ip: '10.0.0.1' }], ports }]), [], 10).create;
  assert.ok(slice);
  const named = { ...slice, metadata: { ...slice.metadata, name: 'web-1' } };
  assert.deepEqual(planMirror(endpoints([]), [named], 10).remove, [named]);
  const moved = planMirror(
    endpoints([{ addresses: [{ ip: '10.0.0.1' }], ports: [{ port: 81 }] }]),
    [named],
    10,
  );
  assert.equal(moved.update[0]?.metadata?.name, 'web-1');
  assert.equal(moved.update[0]?.ports?.[0]?.port, 81);
});
