import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PodSpec } from '#api/core/v1.gen.ts';
import { HostnameError, type PodNames, planHostname } from './plan-hostname.ts';

const plan = (spec: Partial<PodSpec>, name = 'test-pod'): PodNames =>
  planHostname(
    { metadata: { name, namespace: 'default' }, spec: { containers: [], ...spec } },
    'cluster.local',
    'node-1',
  );
const domain = 'my-subdomain.default.svc.cluster.local';
const alike = (name: string): PodNames => ({ hostname: name, short: name });

test('planHostname() takes the override, the hostname or the pod’s name', () => {
  const cases: [spec: Partial<PodSpec>, names: PodNames, podName?: string][] = [
    [{}, alike('test-pod')],
    [{ hostname: 'custom' }, alike('custom')],
    [{ subdomain: 'my-subdomain' }, { ...alike('test-pod'), domain }],
    [
      { hostname: 'custom', subdomain: 'my-subdomain' },
      { ...alike('custom'), domain },
    ],
    [{ hostname: 'custom', subdomain: 'my-subdomain', hostnameOverride: 'over' }, alike('over')],
    [{ hostnameOverride: 'valid.hostname' }, alike('valid.hostname')],
    [{ setHostnameAsFQDN: true }, alike('test-pod')],
    [{ hostnameOverride: 'over', setHostnameAsFQDN: true, subdomain: 'my-subdomain' }, alike('over')],
    [{ hostnameOverride: 'a'.repeat(64) }, alike('a'.repeat(63))],
    [{}, alike('a'.repeat(63)), 'a'.repeat(65)],
  ];
  for (const [spec, names, name] of cases) assert.deepEqual(plan(spec, name), names);
});

test('planHostname() cuts a long name and what it must not end in', () => {
  const seven = '1234567.'.repeat(7);
  const cases: [name: string, cut: string][] = [
    ['test.pod.hostname', 'test.pod.hostname'],
    [`${seven}1234567.1234567`, `${seven}1234567`],
    [`${seven}123456.1234567`, `${seven}123456`],
    [`${seven}123456-1234567`, `${seven}123456`],
  ];
  for (const [name, cut] of cases) assert.deepEqual(plan({}, name), alike(cut));
});

test('planHostname() makes the FQDN the host name when asked, the short name stays', () => {
  assert.deepEqual(plan({ subdomain: 'my-subdomain', setHostnameAsFQDN: true }), {
    hostname: `test-pod.${domain}`,
    short: 'test-pod',
    domain,
  });
  assert.deepEqual(plan({ subdomain: 'my-subdomain', setHostnameAsFQDN: true }, 'a.b'), {
    hostname: `a.b.${domain}`,
    short: 'a.b',
    domain,
  });
});

test('planHostname() refuses an FQDN of more than 64 characters for the kernel only', () => {
  const spec = { subdomain: 's', hostname: 'a'.repeat(37) };
  const fits = plan({ ...spec, hostname: 'a'.repeat(36), setHostnameAsFQDN: true });
  assert.equal(fits.hostname.length, 64);
  assert.equal(plan(spec).hostname, 'a'.repeat(37));
  assert.throws(
    () => plan({ ...spec, setHostnameAsFQDN: true }),
    new HostnameError(
      `failed to construct FQDN from pod hostname and cluster domain, FQDN ${'a'.repeat(37)}.s.default.svc.cluster.local is too long (64 characters is the max, 65 characters requested)`,
    ),
  );
});

test('planHostname() is the node’s name on the node’s network, whatever the FQDN', () => {
  assert.equal(plan({ hostNetwork: true }).hostname, 'node-1');
  const long = { hostNetwork: true, hostname: 'a'.repeat(63), subdomain: 's', setHostnameAsFQDN: true };
  assert.equal(plan(long).hostname, 'node-1');
});

test('planHostname() refuses what is no DNS name', () => {
  const cases: [spec: Partial<PodSpec>, message: RegExp][] = [
    [{ hostname: 'Not-!' }, /^pod Hostname "Not-!" is not a valid DNS label: a lowercase RFC 1123 label/],
    [{ hostname: 'a'.repeat(64) }, /is not a valid DNS label: must be no more than 63 /],
    [{ subdomain: 'in_valid' }, /^pod Subdomain "in_valid" is not a valid DNS label: /],
    [{ hostnameOverride: 'Not-!' }, /^pod HostnameOverride "Not-!" is not a valid DNS subdomain: /],
    [{ hostnameOverride: '' }, /^pod HostnameOverride "" is not a valid DNS subdomain: /],
  ];
  for (const [spec, message] of cases) assert.throws(() => plan(spec), { name: 'HostnameError', message });
});
