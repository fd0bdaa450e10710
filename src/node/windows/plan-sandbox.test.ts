import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PodSpec } from '#api/core/v1.gen.ts';
import type { DnsFacts } from '#node/plan-pod-dns.ts';
import { planWindowsSandbox, type WindowsSandbox } from './plan-sandbox.ts';

const facts: DnsFacts = {
  clusterDns: ['10.96.0.10'],
  clusterDomain: 'cluster.local',
  host: { nameservers: ['8.8.8.8'], searches: ['corp.example'], options: [] },
  nodeIps: ['192.0.2.1'],
};
const plan = (spec: Partial<PodSpec> = {}, over: Partial<DnsFacts> = {}) =>
  planWindowsSandbox(
    {
      metadata: { name: 'web-0', namespace: 'ns', uid: 'u' },
      spec: { containers: [], dnsPolicy: 'ClusterFirst', os: { name: 'windows' }, ...spec },
    },
    { ...facts, ...over },
  );
const cluster: WindowsSandbox['dnsConfig'] = {
  servers: ['10.96.0.10'],
  searches: ['ns.svc.cluster.local', 'svc.cluster.local', 'cluster.local', 'corp.example'],
  options: ['ndots:5'],
};

test('planWindowsSandbox() tells the runtime name, servers, searches and options', () => {
  assert.deepEqual(plan().sandbox, { hostname: 'web-0', dnsConfig: cluster });
  const dnsConfig = { nameservers: ['1.1.1.1'], options: [{ name: 'ndots', value: '1' }] };
  assert.deepEqual(plan({ dnsPolicy: 'Default', dnsConfig }).sandbox.dnsConfig, {
    servers: ['8.8.8.8', '1.1.1.1'],
    searches: ['corp.example'],
    options: ['ndots:1'],
  });
});

test('planWindowsSandbox() tells no name on the node’s network, and its resolver under ClusterFirst', () => {
  assert.deepEqual(plan({ hostNetwork: true }).sandbox, {
    hostname: '',
    dnsConfig: { servers: ['8.8.8.8'], searches: ['corp.example'], options: [] },
  });
  const { sandbox } = plan({ hostNetwork: true, dnsPolicy: 'ClusterFirstWithHostNet' });
  assert.deepEqual(sandbox, { hostname: '', dnsConfig: cluster });
});

test('planWindowsSandbox() has the pod itself as server where the node has no resolver', () => {
  assert.deepEqual(plan({ dnsPolicy: 'Default' }, { host: undefined }).sandbox.dnsConfig, {
    servers: ['127.0.0.1'],
    searches: ['.'],
    options: [],
  });
});

test('planWindowsSandbox() keeps the limits and events of Linux', () => {
  const searches = Array.from({ length: 33 }, (_, index) => `s${index}`);
  const { sandbox, events } = plan({ dnsPolicy: 'None', dnsConfig: { nameservers: ['1.1.1.1'], searches } });
  assert.deepEqual(sandbox.dnsConfig.searches, searches.slice(0, 32));
  assert.deepEqual(
    events.map(({ reason }) => reason),
    ['DNSConfigForming'],
  );
  assert.deepEqual(
    plan({}, { clusterDns: [] }).events.map(({ reason }) => reason),
    ['MissingClusterDNS'],
  );
});

test('planWindowsSandbox() has the FQDN for a name when asked, of 64 characters at most', () => {
  const spec = { subdomain: 's', setHostnameAsFQDN: true };
  assert.equal(plan(spec).sandbox.hostname, 'web-0.s.ns.svc.cluster.local');
  assert.throws(() => plan({ ...spec, hostname: 'a'.repeat(60) }), { name: 'HostnameError' });
});
