// `portolan up --node-local-dns`: pods ask the DNS cache of their node. The world is this test's own network namespace.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { podVantage } from '#cli/demo-vantage.ts';
import { ControlClient } from '#cluster/control-client.ts';
import { statePaths } from '#cluster/state-dir.ts';
import type { ClusterStatus } from '#cluster/status.ts';
import { corefileSource } from '#dns/corefile-source.ts';
import { type DnsServer, startDnsServer } from '#dns/server.ts';
import { Rtnetlink } from '#kernel/rtnetlink.ts';
import { ApiClient } from '#kube/client.ts';
import { loadKubeconfig } from '#kube/kubeconfig.ts';
import { CONFIG_MAPS, DAEMON_SETS, DEPLOYMENTS, PODS, SERVICES } from '#kube/resources.ts';
import { startCluster, type TestCluster } from '#test/support/cluster.ts';
import { processTree } from '#test/support/host-state.ts';
import { requireJudge } from '#test/support/judge.ts';
import { enterTestNamespace } from '#test/support/namespace.ts';
import { until } from '#test/support/until.ts';

await enterTestNamespace();

const RESOLVER = '127.0.0.53';
const OUTSIDE_NAME = 'host.example.org';
const OUTSIDE_ADDRESS = '198.51.100.7';
/** A server that only the stub domain's queries go to, and what it says. */
const STUB_SERVER = '198.51.100.9';
const STUB_ADDRESS = '198.51.100.10';
const LOCAL = '169.254.20.10';
const LOCAL6 = 'fd00:169:254::20:10';
const KUBE_SYSTEM = 'kube-system';
const client = join(import.meta.dirname, '../../examples/08-client.yaml');
const conntrack = requireJudge('conntrack');
const folder = mkdtempSync(join(tmpdir(), 'portolan-node-local-'));

async function startWorld(): Promise<DnsServer> {
  writeFileSync(join(folder, 'resolv.conf'), `nameserver ${RESOLVER}\n`);
  execFileSync('mount', ['--bind', join(folder, 'resolv.conf'), '/etc/resolv.conf']);
  using rtnetlink = Rtnetlink.open();
  rtnetlink.addAddress({ link: 'lo', address: `${STUB_SERVER}/32` });
  const hosts = (server: string, address: string, name: string): string =>
    `. {\n bind ${server}\n hosts {\n  ${address} ${name}\n }\n}\n`;
  const text =
    hosts(RESOLVER, OUTSIDE_ADDRESS, OUTSIDE_NAME) + hosts(STUB_SERVER, STUB_ADDRESS, 'db.corp.example');
  return startDnsServer({
    ...corefileSource({ text, name: 'Corefile' }),
    apiClient: () => Promise.reject(new Error('this test has no API server')),
    log: () => undefined,
  });
}

describe('a cluster with a DNS cache on every node', { concurrency: false }, () => {
  let world: DnsServer;
  let cluster: TestCluster;
  let api: ApiClient;
  let inPod: (script: string) => Promise<string>;

  const connect = async (): Promise<void> => {
    const config = await loadKubeconfig({ path: cluster.kubeconfig });
    api = new ApiClient(config);
    inPod = (script) => podVantage(config, 'client').bash(script);
    await until(
      'the client runs',
      () => inPod('echo yes').catch((error: Error) => error.message),
      (output) => output.trim() === 'yes',
    );
  };
  const onNode = (script: string): string => {
    const { status, stdout, stderr } = cluster.portolan('enter', 'node/node-1', '--', 'bash', '-c', script);
    assert.equal(status, 0, stderr);
    return stdout;
  };
  const resolve = async (name: string): Promise<string> =>
    (await inPod(`getent ahostsv4 ${name} || echo none`)).split(/\s/)[0] ?? '';
  /** Hits of the node's own cache, of all servers and zones. */
  const cacheHits = (): number =>
    [...onNode('curl -s http://127.0.0.1:9253/metrics').matchAll(/^coredns_cache_hits_total\{.*\} (\d+)/gm)]
      .map(([, count]) => Number(count))
      .reduce((sum, count) => sum + count, 0);

  /** Of the node cache's process, as this test sees it. */
  const nodeCachePid = (): number => {
    const status = JSON.parse(cluster.portolan('status', '-o', 'json').stdout) as ClusterStatus;
    const command = (pid: number): string[] => readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
    const found = processTree(status.pid).find((pid) => command(pid).includes('node-cache'));
    return found ?? assert.fail('there is no node cache');
  };

  before(async () => {
    world = await startWorld();
    cluster = startCluster('--node-local-dns', '--nodes', '1', '--ip-family', 'dual', '-f', client);
    await connect();
  });
  after(async () => {
    api?.[Symbol.dispose]();
    cluster?.[Symbol.dispose]();
    await world?.[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  it('tells pods its addresses', async () => {
    const lines = (await inPod('cat /etc/resolv.conf')).split('\n');
    assert.deepEqual(
      lines.filter((line) => line.startsWith('nameserver')),
      [`nameserver ${LOCAL}`, `nameserver ${LOCAL6}`],
    );
  });

  it('resolves names inside and outside of the cluster', async () => {
    const { spec } = await api.get(SERVICES, { namespace: 'default', name: 'kubernetes' });
    assert.equal(await resolve('kubernetes.default'), spec?.clusterIP);
    assert.equal(await resolve(OUTSIDE_NAME), OUTSIDE_ADDRESS);
    assert.equal(await resolve('nothing.default'), 'none');
    const server = LOCAL6.replaceAll(':', String.raw`\:`);
    assert.match(await inPod(`timeout 2 bash -c 'echo > /dev/tcp/${server}/53' && echo open`), /open/);
  });

  it('answers from the cache of the node, and counts it', async () => {
    await resolve('kubernetes.default');
    const before = cacheHits();
    await resolve('kubernetes.default');
    assert.ok(cacheHits() > before);
  });

  it('leaves nothing of its queries in connection tracking', { skip: conntrack.skip }, async () => {
    const tracked = `conntrack -F 2>/dev/null; conntrack -F -f ipv6 2>/dev/null; true`;
    onNode(tracked);
    await resolve('kubernetes.default');
    await resolve('fresh-name.default');
    const flows = onNode('conntrack -L 2>/dev/null; conntrack -L -f ipv6 2>/dev/null').split('\n');
    const toCache = flows.filter((flow) => flow.includes(`dst=${LOCAL} `) || flow.includes(`dst=${LOCAL6} `));
    assert.deepEqual(toCache, []);
    assert.ok(
      flows.some((flow) => flow.includes('dst=10.96.0.11 ')),
      flows.join('\n'),
    );
  });

  it('is no hindrance to autopath, which knows the pod by its node', async () => {
    const first = `${OUTSIDE_NAME}.default.svc.cluster.local.`;
    assert.equal(await resolve(first), 'none');
    const coredns = { namespace: KUBE_SYSTEM, name: 'coredns' };
    const { data } = await api.get(CONFIG_MAPS, coredns);
    const Corefile = data?.['Corefile']
      ?.replace('pods insecure', 'pods verified')
      .replace('errors', 'errors\n    autopath @kubernetes');
    await api.patch(CONFIG_MAPS, coredns, { data: { Corefile } }, { type: 'merge' });
    await until(
      'the path is walked',
      () => resolve(first),
      (address) => address === OUTSIDE_ADDRESS,
    );
    assert.equal(await resolve(first.replace('default', 'kube-public')), 'none');
    await api.patch(CONFIG_MAPS, coredns, { data }, { type: 'merge' });
  });

  it('asks the servers of stub domains that the ConfigMap kube-dns gets', async () => {
    assert.equal(await resolve('db.corp.example'), 'none');
    await api.create(CONFIG_MAPS, {
      metadata: { namespace: KUBE_SYSTEM, name: 'kube-dns' },
      data: { stubDomains: `{"corp.example": ["${STUB_SERVER}"]}` },
    });
    await until(
      'the stub domain',
      () => resolve('db.corp.example'),
      (address) => address === STUB_ADDRESS,
    );
  });

  it('goes on answering what it knows while the DNS of the cluster is gone', async () => {
    const dns = { namespace: KUBE_SYSTEM, name: 'portolan-dns' };
    await resolve('kubernetes.default');
    await api.patch(DEPLOYMENTS, dns, { spec: { replicas: 0 } }, { type: 'merge' });
    const running = async (): Promise<number> =>
      (await api.list(PODS, { namespace: KUBE_SYSTEM, labelSelector: 'k8s-app=kube-dns' })).items.length;
    await until('cluster DNS is gone', running, (count) => count === 0);
    assert.notEqual(await resolve('kubernetes.default'), 'none');
    assert.equal(await resolve('kube-dns.kube-system'), 'none');
    await api.patch(DEPLOYMENTS, dns, { spec: { replicas: 1 } }, { type: 'merge' });
    await until(
      'it is back',
      () => resolve('kube-dns.kube-system'),
      (address) => address === '10.96.0.10',
    );
  });

  it('is back when its process was killed, and when the thread of the node was', async () => {
    const { items } = await api.list(PODS, {
      namespace: KUBE_SYSTEM,
      labelSelector: 'k8s-app=node-local-dns',
    });
    const [pod] = items;
    const restarts = async (): Promise<number> => {
      const { status } = await api.get(PODS, { namespace: KUBE_SYSTEM, name: pod?.metadata?.name ?? '' });
      return status?.containerStatuses?.[0]?.restartCount ?? 0;
    };
    process.kill(nodeCachePid(), 'SIGKILL');
    await until('the container is started again', restarts, (count) => count === 1);
    const resolves = (address: string): boolean => address !== 'none';
    await until('names resolve', () => resolve('kubernetes.default').catch(() => 'none'), resolves);

    await new ControlClient(statePaths(cluster.dataDir)).killPart('node-1');
    await until('the container is started once more', restarts, (count) => count === 2);
    await until('names resolve', () => resolve('kubernetes.default').catch(() => 'none'), resolves);
  });

  it('is no longer there when the cluster comes up without', async () => {
    api[Symbol.dispose]();
    assert.equal(cluster.portolan('down').status, 0);
    assert.equal(cluster.portolan('up', '--detach', '--nodes', '1').status, 0);
    await connect();
    const { items } = await api.list(DAEMON_SETS, { namespace: KUBE_SYSTEM });
    assert.deepEqual(items, []);
    assert.match(await inPod('cat /etc/resolv.conf'), /^nameserver 10\.96\.0\.10$/m);
    assert.notEqual(await resolve('kubernetes.default'), 'none');
  });
});
