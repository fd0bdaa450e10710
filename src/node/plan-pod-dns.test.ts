import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import type { Pod, PodDNSConfig, PodSpec } from '#api/core/v1.gen.ts';
import { type DnsFacts, type DnsPlan, planPodDns } from './plan-pod-dns.ts';

const pod = (spec: Partial<PodSpec> = {}): Pod => ({
  metadata: { name: 'web-0', namespace: 'ns', uid: 'u-1' },
  spec: { containers: [], dnsPolicy: 'ClusterFirst', ...spec },
});
const facts: DnsFacts = {
  clusterDns: ['10.0.0.10'],
  clusterDomain: 'kubernetes.io',
  host: { nameservers: ['8.8.8.8'], searches: ['host.domain'], options: ['timeout:1'] },
  nodeIps: ['172.30.0.10'],
};
const CLUSTER = ['ns.svc.kubernetes.io', 'svc.kubernetes.io', 'kubernetes.io'];
const OMITTED_SEARCHES =
  'Search Line limits were exceeded, some search paths have been omitted, the applied search line is: ';
const OMITTED_SERVERS =
  'Nameserver limits were exceeded, some nameservers have been omitted, the applied nameserver line is: ';

/** A pod that has nothing but these. */
const planOnly = (dnsConfig: PodDNSConfig): DnsPlan =>
  planPodDns(pod({ dnsPolicy: 'None', dnsConfig }), facts);
const messages = ({ events }: DnsPlan): string[] => events.map(({ message }) => message);

test('planPodDns() chooses by policy and network', () => {
  const cases: [what: string, spec: Partial<PodSpec>, servers: string[]][] = [
    ['ClusterFirst', {}, ['10.0.0.10']],
    ['with host net', { dnsPolicy: 'ClusterFirstWithHostNet', hostNetwork: true }, ['10.0.0.10']],
    ['without host net', { dnsPolicy: 'ClusterFirstWithHostNet' }, ['10.0.0.10']],
    ['Default', { dnsPolicy: 'Default' }, ['8.8.8.8']],
    ['Default on the host net', { dnsPolicy: 'Default', hostNetwork: true }, ['8.8.8.8']],
    ['ClusterFirst on the host net', { hostNetwork: true }, ['8.8.8.8']],
    ['None', { dnsPolicy: 'None' }, []],
    ['no policy', { dnsPolicy: 'invalidPolicy' }, ['10.0.0.10']],
    ['no policy on the host net', { dnsPolicy: 'invalidPolicy', hostNetwork: true }, ['10.0.0.10']],
    ['None on the host net', { dnsPolicy: 'None', hostNetwork: true }, []],
  ];
  for (const [what, spec, servers] of cases) {
    const { conf, events } = planPodDns(pod(spec), facts);
    assert.deepEqual([conf.nameservers, events], [servers, []], what);
  }
});

test('planPodDns() puts the cluster’s searches before the host’s, and ndots:5 in place of its options', () => {
  const host = { nameservers: ['8.8.8.8'], searches: ['a', 'kubernetes.io', 'a'], options: ['rotate'] };
  assert.deepEqual(planPodDns(pod(), { ...facts, host }).conf, {
    nameservers: ['10.0.0.10'],
    searches: [...CLUSTER, 'a'],
    options: ['ndots:5'],
  });
  assert.deepEqual(planPodDns(pod({ dnsPolicy: 'Default' }), { ...facts, host }).conf, host);
});

test('planPodDns() searches nothing of the cluster without a cluster domain', () => {
  assert.deepEqual(planPodDns(pod(), { ...facts, clusterDomain: '' }).conf.searches, ['host.domain']);
});

test('planPodDns() gives the pod itself as its server when the node has no resolver', () => {
  const nobody = (nodeIps: string[], spec: Partial<PodSpec> = { dnsPolicy: 'Default' }) =>
    planPodDns(pod(spec), { ...facts, host: undefined, nodeIps }).conf;
  const local = (nameservers: string[]) => ({ nameservers, searches: ['.'], options: [] });
  assert.deepEqual(nobody(['192.0.2.1']), local(['127.0.0.1']));
  assert.deepEqual(nobody(['192.0.2.1', '2001:db8::1']), local(['127.0.0.1', '::1']));
  assert.deepEqual(nobody(['2001:db8::1', '192.0.2.1']), local(['::1', '127.0.0.1']));
  assert.deepEqual(nobody(['2001:db8::1']), local(['::1']));
  assert.deepEqual(nobody([]), local(['127.0.0.1']));
  assert.deepEqual(nobody([], { hostNetwork: true }), local(['127.0.0.1']));
  assert.deepEqual(nobody([], {}), {
    nameservers: ['10.0.0.10'],
    searches: CLUSTER,
    options: ['ndots:5'],
  });
});

test('planPodDns() falls back to the node’s without cluster DNS, and tells pod and node', () => {
  const text =
    'kubelet does not have ClusterDNS IP configured and cannot create Pod using "ClusterFirst" policy. Falling back to "Default" policy.';
  const event = {
    reason: 'MissingClusterDNS',
    message: `pod: "web-0_ns(u-1)". ${text}`,
    nodeMessage: text,
  };
  for (const spec of [{}, { dnsPolicy: 'ClusterFirstWithHostNet', hostNetwork: true }]) {
    const { conf, events } = planPodDns(pod(spec), { ...facts, clusterDns: [] });
    assert.deepEqual(conf, facts.host);
    assert.deepEqual(events, [event]);
  }
  for (const spec of [{ dnsPolicy: 'Default' }, { dnsPolicy: 'None' }, { hostNetwork: true }])
    assert.deepEqual(planPodDns(pod(spec), { ...facts, clusterDns: [] }).events, []);
});

test('planPodDns() adds dnsConfig under each policy, its options winning by name', () => {
  const custom: PodDNSConfig = {
    nameservers: ['10.0.0.11'],
    searches: ['my.domain'],
    options: [{ name: 'ndots', value: '3' }, { name: 'debug' }],
  };
  const options = ['ndots:3', 'debug'];
  const merged = { nameservers: ['10.0.0.10', '10.0.0.11'], options };
  const clusterSearches = [...CLUSTER, 'host.domain', 'my.domain'];
  const plan = (spec: Partial<PodSpec>) => planPodDns(pod(spec), facts).conf;
  assert.deepEqual(plan({ dnsPolicy: 'None' }), { nameservers: [], searches: [], options: [] });
  assert.deepEqual(plan({ dnsPolicy: 'None', dnsConfig: custom }), {
    nameservers: ['10.0.0.11'],
    searches: ['my.domain'],
    options,
  });
  assert.deepEqual(plan({ dnsConfig: custom }), { ...merged, searches: clusterSearches });
  assert.deepEqual(plan({ dnsPolicy: 'ClusterFirstWithHostNet', hostNetwork: true, dnsConfig: custom }), {
    ...merged,
    searches: clusterSearches,
  });
  assert.deepEqual(plan({ dnsPolicy: 'Default', dnsConfig: custom }), {
    nameservers: ['8.8.8.8', '10.0.0.11'],
    searches: ['host.domain', 'my.domain'],
    options: ['timeout:1', ...options],
  });
});

test('planPodDns() drops what dnsConfig repeats, and an option’s colon without a value', () => {
  const dnsConfig = {
    nameservers: ['10.0.0.10', '10.0.0.10'],
    searches: ['host.domain', 'x', 'x'],
    options: [{ name: 'edns0', value: '' }, { name: 'ndots' }],
  };
  assert.deepEqual(planPodDns(pod({ dnsConfig }), facts).conf, {
    nameservers: ['10.0.0.10'],
    searches: [...CLUSTER, 'host.domain', 'x'],
    options: ['ndots', 'edns0'],
  });
});

test('planPodDns() keeps searches that fit and drops the others with a message', () => {
  const names = ['testNS.svc.TEST', 'svc.TEST', 'TEST', 'AAA'];
  const numbered = Array.from({ length: 28 }, (_, index) => `s${index}`);
  // 128 + 15 * 127 and 15 spaces: 2048.
  const full = Array.from({ length: 16 }, (_, index) =>
    String.fromCharCode(97 + index).repeat(index === 0 ? 128 : 127),
  );
  const cases: [what: string, searches: string[], applied: string[]][] = [
    ['3 paths', names.slice(0, 3), names.slice(0, 3)],
    ['5 paths', [...names, 'BBB'], [...names, 'BBB']],
    ['7 paths', [...names, 'BBB', 'CCC', 'DDD'], [...names, 'BBB', 'CCC', 'DDD']],
    ['a path of 253', ['b'.repeat(253)], ['b'.repeat(253)]],
    ['a path of 254', [...names, 'b'.repeat(254), 'BBB'], [...names, 'BBB']],
    ['a path of 256', [...names, 'b'.repeat(256), 'BBB'], [...names, 'BBB']],
    ['2048 characters', full, full],
    ['2050 characters', [...full, 'z'], full],
    ['32 paths', [...names, ...numbered], [...names, ...numbered]],
    ['33 paths', [...names, ...numbered, 'last'], [...names, ...numbered]],
    [
      '33 paths, one too long',
      [...names, 'b'.repeat(254), ...numbered],
      [...names, ...numbered.slice(0, -1)],
    ],
  ];
  for (const [what, searches, applied] of cases) {
    const plan = planOnly({ nameservers: ['127.0.0.1'], searches });
    assert.deepEqual(plan.conf.searches, applied, what);
    const told = applied.length < searches.length ? [`${OMITTED_SEARCHES}${applied.join(' ')}`] : [];
    assert.deepEqual(messages(plan), told, what);
  }
});

test('planPodDns() counts the cluster’s searches', () => {
  const host = { nameservers: [], searches: Array.from({ length: 30 }, (_, i) => `h${i}`), options: [] };
  const plan = planPodDns(pod(), { ...facts, host });
  assert.deepEqual(plan.conf.searches, [...CLUSTER, ...host.searches.slice(0, 29)]);
  assert.deepEqual(messages(plan), [`${OMITTED_SEARCHES}${plan.conf.searches.join(' ')}`]);
});

test('planPodDns() keeps three nameservers', () => {
  const four = ['127.0.0.1', '10.0.0.10', '8.8.8.8', '1.2.3.4'];
  for (const count of [1, 3, 4]) {
    const plan = planOnly({ nameservers: four.slice(0, count) });
    const applied = four.slice(0, Math.min(3, count));
    assert.deepEqual(plan.conf.nameservers, applied);
    assert.deepEqual(messages(plan), count > 3 ? [`${OMITTED_SERVERS}${applied.join(' ')}`] : []);
  }
});

test('planPodDns() never exceeds what resolvers read', () => {
  const config = fc.record({
    nameservers: fc.array(fc.string()),
    searches: fc.array(fc.string({ maxLength: 300 }), { maxLength: 60 }),
    options: fc.array(fc.record({ name: fc.string(), value: fc.option(fc.string(), { nil: undefined }) })),
  });
  const policy = fc.constantFrom('None', 'Default', 'ClusterFirst', 'ClusterFirstWithHostNet', '');
  fc.assert(
    fc.property(config, policy, fc.boolean(), (dnsConfig, dnsPolicy, hostNetwork) => {
      const { conf } = planPodDns(pod({ dnsConfig, dnsPolicy, hostNetwork }), facts);
      assert.ok(conf.nameservers.length <= 3);
      assert.ok(conf.searches.length <= 32);
      assert.ok(Buffer.byteLength(conf.searches.join(' ')) <= 2048);
    }),
  );
});
