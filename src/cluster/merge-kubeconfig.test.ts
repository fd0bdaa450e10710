import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parse } from 'yaml';
import { formatKubeconfig } from './kubeconfig.ts';
import { mergeText } from './merge-kubeconfig.ts';

const added = formatKubeconfig({
  name: 'portolan-blue',
  server: 'https://127.0.0.1:6443',
  ca: 'CA',
  cert: 'CERT',
  key: 'KEY',
});

describe('mergeText()', () => {
  it('is the cluster’s own kubeconfig where there was none', () => {
    assert.equal(mergeText(undefined, added, '~/.kube/config'), added);
  });

  it('keeps other entries and comments, and makes the cluster the current one', () => {
    const present =
      'apiVersion: v1\nkind: Config\n# mine\ncurrent-context: prod\nclusters:\n- name: prod\n  cluster: {server: "https://prod"}\n';
    const merged = mergeText(present, added, 'config');
    const value = parse(merged) as {
      clusters: { name: string }[];
      contexts: unknown[];
      'current-context': string;
    };
    assert.deepEqual(
      value.clusters.map(({ name }) => name),
      ['prod', 'portolan-blue'],
    );
    assert.equal(value.contexts.length, 1);
    assert.equal(value['current-context'], 'portolan-blue');
    assert.match(merged, /# mine/);
  });

  it('replaces the entries of an earlier merge', () => {
    const merged = mergeText(mergeText('kind: Config\n', added, 'config'), added, 'config');
    assert.equal((parse(merged) as { users: unknown[] }).users.length, 1);
  });

  it('refuses a file that is no kubeconfig, with its name', () => {
    assert.throws(() => mergeText('- a\n', added, '/home/me/config'), /^ClusterError: \/home\/me\/config: /);
  });
});
