import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HostAlias } from '#api/core/v1.gen.ts';
import { planHostNetworkHostsFile, planHostsFile, planNodeHostsFile } from './plan-hosts-file.ts';

const LOCAL =
  '127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\nfe00::0\tip6-localnet\nfe00::0\tip6-mcastprefix\nfe00::1\tip6-allnodes\nfe00::2\tip6-allrouters\n';
const HEAD = `# Kubernetes-managed hosts file.\n${LOCAL}`;
const foo: HostAlias = { ip: '123.45.67.89', hostnames: ['foo', 'bar', 'baz'] };
const park: HostAlias = { ip: '203.0.113.9', hostnames: ['park'] };

test('planHostsFile() is kubelet’s file, tabs and all', () => {
  const named = { short: 'podFoo', domain: 'domainFoo' };
  const aliases = '\n# Entries added by HostAliases.\n123.45.67.89\tfoo\tbar\tbaz\n';
  const line = '203.0.113.1\tpodFoo.domainFoo\tpodFoo\n';
  const cases: [ips: string[], names: { short: string; domain?: string }, HostAlias[], text: string][] = [
    [['123.45.67.89'], { short: 'podFoo' }, [], '123.45.67.89\tpodFoo\n'],
    [['203.0.113.1'], named, [], line],
    [['203.0.113.1'], named, [foo], `${line}${aliases}`],
    [['203.0.113.1'], named, [foo, park], `${line}${aliases}203.0.113.9\tpark\n`],
    [['203.0.113.1', 'fd00::6'], named, [], `${line}fd00::6\tpodFoo.domainFoo\tpodFoo\n`],
    [['fd00::6', '203.0.113.1'], named, [], `fd00::6\tpodFoo.domainFoo\tpodFoo\n${line}`],
    [['203.0.113.1'], { short: 'a.b', domain: 'd' }, [], '203.0.113.1\ta.b.d\ta.b\n'],
  ];
  for (const [ips, names, hostAliases, text] of cases)
    assert.equal(planHostsFile(ips, names, hostAliases), `${HEAD}${text}`);
});

test('planHostNetworkHostsFile() is the node’s file with a head and the aliases', () => {
  const node = '# hosts file of the node\n127.0.0.1\tlocalhost\n123.45.67.89\tsome.domain\n';
  const head = '# Kubernetes-managed hosts file (host network).\n';
  assert.equal(planHostNetworkHostsFile(node), `${head}${node}`);
  assert.equal(
    planHostNetworkHostsFile(node, [foo, park]),
    `${head}${node}\n# Entries added by HostAliases.\n123.45.67.89\tfoo\tbar\tbaz\n203.0.113.9\tpark\n`,
  );
});

test('planNodeHostsFile() knows localhost and the node', () => {
  assert.equal(planNodeHostsFile('n', ['172.30.0.10', 'fd00::a']), `${LOCAL}172.30.0.10\tn\nfd00::a\tn\n`);
});
