import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PodSpec } from '#api/core/v1.gen.ts';
import { planPodFiles } from './plan-pod-files.ts';

const facts = {
  names: { hostname: 'web-0.s.ns.svc.c', short: 'web-0', domain: 's.ns.svc.c' },
  podIps: ['10.244.0.2'],
  resolvConf: { nameservers: ['10.96.0.10'], searches: ['c'], options: ['ndots:5'] },
  nodeHosts: '127.0.0.1\tlocalhost\n172.30.0.10\tnode-1\n',
};
const plan = (spec: Partial<PodSpec>) => planPodFiles({ spec: { containers: [], ...spec } }, facts);

test('planPodFiles() has the pod’s names in hosts and hostname', () => {
  const files = plan({ hostAliases: [{ ip: '192.0.2.7', hostnames: ['x'] }] });
  assert.match(
    files.hosts,
    /^# Kubernetes-managed hosts file\.\n[^]*\n10\.244\.0\.2\tweb-0\.s\.ns\.svc\.c\tweb-0\n/,
  );
  assert.match(files.hosts, /\n192\.0\.2\.7\tx\n$/);
  assert.equal(files.hostname, 'web-0.s.ns.svc.c\n');
  assert.equal(files['resolv.conf'], 'search c\nnameserver 10.96.0.10\noptions ndots:5\n');
});

test('planPodFiles() has the node’s hosts file for pods on its network', () => {
  const { hosts } = plan({ hostNetwork: true });
  assert.equal(hosts, `# Kubernetes-managed hosts file (host network).\n${facts.nodeHosts}`);
});
