// A user edits the Corefile of a running cluster: a good one is in force within seconds, a bad one is told of.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Event } from '#api/core/v1.gen.ts';
import { run, startCluster, type TestCluster } from '#test/support/cluster.ts';
import { requireJudge } from '#test/support/judge.ts';
import { findKubectl } from '#test/support/kubectl.ts';
import { until } from '#test/support/until.ts';

const kubectlFound = findKubectl();
const dig = requireJudge('dig');
const skip = 'skip' in kubectlFound ? kubectlFound.skip : dig.skip;
const kubectlPath = 'path' in kubectlFound ? kubectlFound.path : 'kubectl';
const NAME = 'edited.example';

describe('the Corefile of a cluster', { skip }, () => {
  let cluster: TestCluster;
  let original: string;

  function kubectl(args: readonly string[], input?: string): string {
    const words = ['--kubeconfig', cluster.kubeconfig, '-n', 'kube-system', ...args];
    const { status, stdout, stderr } = run(kubectlPath, words, input === undefined ? {} : { input });
    assert.equal(status, 0, `kubectl ${args.join(' ')}: ${stderr}`);
    return stdout;
  }

  /** As `kubectl edit` does it. */
  function publish(corefile: string): void {
    const metadata = { namespace: 'kube-system', name: 'coredns' };
    const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { Corefile: corefile } };
    kubectl(['replace', '-f', '-'], JSON.stringify(object));
  }

  function withAddress(address: string): string {
    return original.replace(
      '    ready\n',
      `    ready\n    hosts {\n        ${address} ${NAME}\n        fallthrough\n    }\n`,
    );
  }

  /** What the pods say, each asked at its own address. */
  function answers(): string[] {
    const addresses = kubectl([
      'get',
      'pods',
      '-l',
      'k8s-app=kube-dns',
      '-o',
      'jsonpath={.items[*].status.podIP}',
    ]);
    return addresses.split(' ').map((address) => {
      const words = ['--', 'dig', '+short', '+tries=1', '+time=1', `@${address}`, NAME];
      return cluster.portolan('enter', 'node/node-1', ...words).stdout.trim();
    });
  }

  before(() => {
    cluster = startCluster('--nodes', '2');
    original = kubectl(['get', 'configmap', 'coredns', '-o', 'jsonpath={.data.Corefile}']);
  });
  after(() => cluster[Symbol.dispose]());

  it('is in force in every replica soon after it was changed', async () => {
    publish(withAddress('192.0.2.7'));
    await until(
      'both answer',
      async () => answers(),
      (found) => found.every((each) => each === '192.0.2.7'),
    );
    assert.equal(answers().length, 2);
  });

  it('changes nothing when it is bad: log, event and metric say so', async () => {
    publish(withAddress('192.0.2.8').replace('loadbalance', 'loadbalanc'));
    const why = /\/Corefile:\d+: there is no plugin "loadbalanc" \(did you mean loadbalance\?\)/;
    const events = await until(
      'an event of each replica',
      async () => {
        const text = kubectl(['get', 'events', '--field-selector', 'reason=ReloadFailed', '-o', 'json']);
        return (JSON.parse(text) as { items: Event[] }).items;
      },
      (found) => found.length === 2,
    );
    for (const { type, message, involvedObject } of events) {
      assert.equal(type, 'Warning');
      assert.match(message ?? '', why);
      const log = kubectl(['logs', involvedObject.name ?? '']);
      assert.match(log, new RegExp(`the old one stays in force: \\S*${why.source}`));
    }
    assert.deepEqual(new Set(answers()), new Set(['192.0.2.7']));
    const [address] = kubectl([
      'get',
      'endpoints',
      'kube-dns',
      '-o',
      'jsonpath={.subsets[0].addresses[*].ip}',
    ]).split(' ');
    const words = ['--', 'curl', '-s', `http://${address}:9153/metrics`];
    assert.match(
      cluster.portolan('enter', 'node/node-1', ...words).stdout,
      /^coredns_reload_failed_total 1$/m,
    );
  });

  it('is taken over again once it is right', async () => {
    publish(withAddress('192.0.2.9'));
    await until(
      'both answer',
      async () => answers(),
      (found) => found.every((each) => each === '192.0.2.9'),
    );
  });

  it('is kept when the cluster is taken down and comes up again', () => {
    const edited = kubectl(['get', 'configmap', 'coredns', '-o', 'jsonpath={.data.Corefile}']);
    cluster.portolan('down');
    const up = cluster.portolan('up', '--detach', '--nodes', '1');
    assert.equal(up.status, 0, up.stderr);
    assert.equal(kubectl(['get', 'configmap', 'coredns', '-o', 'jsonpath={.data.Corefile}']), edited);
  });
});
