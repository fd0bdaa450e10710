import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Pod, PodSpec } from '#api/core/v1.gen.ts';
import { planHostname } from './plan-hostname.ts';
import { planHostNetworkHostsFile, planHostsFile } from './plan-hosts-file.ts';
import { planPodFiles } from './plan-pod-files.ts';
import { formatResolvConf, parseResolvConf, planResolvConf, type ResolvConf } from './plan-resolv-conf.ts';

const pod = (spec: Partial<PodSpec> = {}): Pod => ({
  metadata: { name: 'web-0', namespace: 'ns' },
  spec: { containers: [], ...spec },
});
const host: ResolvConf = { nameservers: ['192.0.2.1'], searches: ['corp.example'], options: ['timeout:1'] };
const facts = { clusterDns: ['10.96.0.10'], clusterDomain: 'cluster.local', host };
const cluster = ['ns.svc.cluster.local', 'svc.cluster.local', 'cluster.local'];

test('planHostname() uses name, hostname, subdomain and FQDN', () => {
  const plan = (spec: Partial<PodSpec>) => planHostname(pod(spec), 'cluster.local', 'node-1');
  assert.deepEqual(plan({}), { hostname: 'web-0' });
  assert.deepEqual(plan({ hostname: 'h' }), { hostname: 'h' });
  assert.deepEqual(plan({ subdomain: 's' }), { hostname: 'web-0', fqdn: 'web-0.s.ns.svc.cluster.local' });
  assert.deepEqual(plan({ subdomain: 's', setHostnameAsFQDN: true }), {
    hostname: 'web-0.s.ns.svc.cluster.local',
    fqdn: 'web-0.s.ns.svc.cluster.local',
  });
  assert.deepEqual(plan({ hostNetwork: true }), { hostname: 'node-1' });
  assert.deepEqual(plan({ hostnameOverride: 'o', subdomain: 's' }), { hostname: 'o' });
  assert.deepEqual(plan({ hostname: `${'a'.repeat(62)}-b` }), { hostname: 'a'.repeat(62) });
  assert.throws(
    () => plan({ hostname: 'a'.repeat(60), subdomain: 's', setHostnameAsFQDN: true }),
    /64 characters is the max/,
  );
});

test('planHostsFile() is kubelet’s file, tabs and all', () => {
  const head =
    '# Kubernetes-managed hosts file.\n127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\nfe00::0\tip6-localnet\nfe00::0\tip6-mcastprefix\nfe00::1\tip6-allnodes\nfe00::2\tip6-allrouters\n';
  assert.equal(
    planHostsFile(['10.0.0.1', 'fd00::1'], { hostname: 'web-0' }),
    `${head}10.0.0.1\tweb-0\nfd00::1\tweb-0\n`,
  );
  assert.equal(
    planHostsFile(['10.0.0.1'], { hostname: 'web-0', fqdn: 'web-0.s.ns.svc.c' }, [
      { ip: '1.2.3.4', hostnames: ['a', 'b'] },
    ]),
    `${head}10.0.0.1\tweb-0.s.ns.svc.c\tweb-0\n\n# Entries added by HostAliases.\n1.2.3.4\ta\tb\n`,
  );
  assert.equal(planHostNetworkHostsFile('x\n'), '# Kubernetes-managed hosts file (host network).\nx\n');
});

test('parseResolvConf() adds up nameservers and takes the last search and options', () => {
  const text =
    '# c\nnameserver 1.1.1.1\nsearch a.\nnameserver 2.2.2.2\nsearch b. c\noptions ndots:2\noptions x\n';
  assert.deepEqual(parseResolvConf(text), {
    nameservers: ['1.1.1.1', '2.2.2.2'],
    searches: ['b', 'c'],
    options: ['x'],
  });
});

test('planResolvConf() follows dnsPolicy', () => {
  const plan = (spec: Partial<PodSpec>, over = {}) => planResolvConf(pod(spec), { ...facts, ...over }).conf;
  const first = { nameservers: ['10.96.0.10'], searches: [...cluster, 'corp.example'], options: ['ndots:5'] };
  assert.deepEqual(plan({}), first);
  assert.deepEqual(plan({ dnsPolicy: 'ClusterFirst', hostNetwork: true }), host);
  assert.deepEqual(plan({ dnsPolicy: 'ClusterFirstWithHostNet', hostNetwork: true }), first);
  assert.deepEqual(plan({ dnsPolicy: 'Default' }), host);
  assert.deepEqual(plan({}, { clusterDns: [] }), host);
  assert.deepEqual(plan({ dnsPolicy: 'None' }), { nameservers: [], searches: [], options: [] });
});

test('planResolvConf() adds dnsConfig, its options winning by name', () => {
  const dnsConfig = {
    nameservers: ['9.9.9.9', '10.96.0.10'],
    searches: ['x', 'cluster.local'],
    options: [{ name: 'ndots', value: '2' }, { name: 'edns0' }],
  };
  const { conf } = planResolvConf(pod({ dnsConfig }), facts);
  assert.deepEqual(conf, {
    nameservers: ['10.96.0.10', '9.9.9.9'],
    searches: [...cluster, 'corp.example', 'x'],
    options: ['ndots:2', 'edns0'],
  });
  assert.equal(
    formatResolvConf({ nameservers: ['1.1.1.1'], searches: ['a', 'b'], options: ['ndots:5'] }),
    'search a b\nnameserver 1.1.1.1\noptions ndots:5\n',
  );
});

test('planResolvConf() cuts what is too much and says so', () => {
  const nameservers = ['1.1.1.1', '2.2.2.2', '3.3.3.3', '4.4.4.4'];
  const searches = Array.from({ length: 40 }, (_, index) => `${'x'.repeat(60)}${index}`);
  const { conf, warnings } = planResolvConf(
    pod({ dnsPolicy: 'None', dnsConfig: { nameservers, searches: [...searches, 'y'.repeat(254)] } }),
    facts,
  );
  assert.equal(conf.nameservers.length, 3);
  assert.equal(conf.searches.length, 32);
  assert.equal(warnings.length, 2);
  assert.match(warnings[0] ?? '', /Nameserver limits were exceeded/);
});

test('planPodFiles() has the node’s hosts file for host network pods', () => {
  const { files } = planPodFiles(pod({ hostNetwork: true }), { hostname: 'n' }, [], {
    config: facts,
    hostResolvConf: host,
  });
  assert.match(files.hosts, /host network/);
  assert.equal(files.hostname, 'n\n');
  assert.match(files['resolv.conf'], /192\.0\.2\.1/);
});
