// Nobody notices that the servers of cluster DNS come and go: clients that ask once and wait for two seconds, by their own
// clock, get every answer while the Deployment is rolled and scaled and while a server is killed.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { ControlClient } from '#cluster/control-client.ts';
import { statePaths } from '#cluster/state-dir.ts';
import { ApiClient } from '#kube/client.ts';
import { loadKubeconfig } from '#kube/kubeconfig.ts';
import { DEPLOYMENTS, PODS } from '#kube/resources.ts';
import { startCluster, type TestCluster } from '#test/support/cluster.ts';
import { type DnsLoad, whileAsking } from '#test/support/dns-clients.ts';
import { processTree } from '#test/support/host-state.ts';
import { until } from '#test/support/until.ts';

const DEPLOYMENT = { namespace: 'kube-system', name: 'portolan-dns' };
const SELECTOR = 'k8s-app=kube-dns';
const [SERVER, SERVER6] = ['10.96.0.10', 'fd00:10:96::a'];

/** 1,000 a second over UDP, from three nodes. */
const UDP: readonly DnsLoad[] = [
  { pod: 'client-1', server: SERVER, mode: 'udp-new', perSecond: 300 },
  { pod: 'client-2', server: SERVER6, mode: 'udp-new', perSecond: 300 },
  { pod: 'client-1', server: SERVER6, mode: 'udp-kept', perSecond: 200 },
  { pod: 'client-3', server: SERVER, mode: 'udp-kept', perSecond: 200 },
];
const TCP: readonly DnsLoad[] = [
  { pod: 'client-2', server: SERVER, mode: 'tcp-new', perSecond: 50 },
  { pod: 'client-3', server: SERVER6, mode: 'tcp-new', perSecond: 50 },
];

let cluster: TestCluster;
let client: ApiClient;

/** Names of the DNS pods that there are, those that are going included. */
async function dnsPods(): Promise<
  { name: string; ready: boolean; restarts: number; waiting: string | undefined }[]
> {
  const { items } = await client.list(PODS, { namespace: DEPLOYMENT.namespace, labelSelector: SELECTOR });
  return items.map(({ metadata, status }) => ({
    name: metadata?.name ?? '',
    ready: (status?.conditions ?? []).some(({ type, status: is }) => type === 'Ready' && is === 'True'),
    restarts: status?.containerStatuses?.[0]?.restartCount ?? 0,
    waiting: status?.containerStatuses?.[0]?.state?.waiting?.reason,
  }));
}

/** Waits until so many pods are ready and no other is left. */
async function settled(replicas: number, gone: readonly string[] = []): Promise<string[]> {
  const pods = await until(`${replicas} DNS servers`, dnsPods, (all) => {
    return all.length === replicas && all.every(({ name, ready }) => ready && !gone.includes(name));
  });
  return pods.map(({ name }) => name);
}

async function scale(replicas: number): Promise<void> {
  await client.patch(DEPLOYMENTS, DEPLOYMENT, { spec: { replicas } }, { type: 'merge' });
  await settled(replicas);
}

/** Process ids of the DNS servers, as the host sees them. */
async function servers(): Promise<number[]> {
  const { pid } = await new ControlClient(statePaths(cluster.dataDir)).status();
  return processTree(pid).filter((each) => readCommandLine(each).includes('\0dns\0--conf\0'));
}

function readCommandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1');
  } catch {
    return '';
  }
}

/** Runs `work` while the clients ask, and returns what failed. */
async function failuresWhile(loads: readonly DnsLoad[], work: () => Promise<void>): Promise<string[]> {
  const results = await whileAsking(cluster, loads, async () => {
    await work();
    // What follows a change, such as proxies that hear of it, is part of it.
    await new Promise((resolve) => setTimeout(resolve, 1000));
  });
  return results.flatMap(({ asked, failures, mode, server, pod }) => {
    assert.ok(asked > 100, `${mode} from ${pod} asked ${asked} times only`);
    return failures.map(
      ({ atMs, why }) => `${new Date(atMs).toISOString()} ${mode} ${pod} ${server}: ${why}`,
    );
  });
}

/** Kills one server after the other, then the first one again, which is in back-off afterwards. */
async function killEach(): Promise<void> {
  const pids = await servers();
  assert.equal(pids.length, 2);
  for (const [i, pid] of pids.entries()) {
    process.kill(pid, 'SIGKILL');
    await until('the server is back', dnsPods, (all) => {
      return all.every(({ ready }) => ready) && all.reduce((sum, pod) => sum + pod.restarts, 0) === i + 1;
    });
  }
  const [again = 0] = await servers();
  process.kill(again, 'SIGKILL');
  await until('back-off', dnsPods, (all) => all.some(({ waiting }) => waiting === 'CrashLoopBackOff'));
}

/** New pods in place of the old ones. */
async function roll(): Promise<void> {
  const old = (await dnsPods()).map(({ name }) => name);
  const annotations = { 'kubectl.kubernetes.io/restartedAt': new Date().toISOString() };
  await client.patch(
    DEPLOYMENTS,
    DEPLOYMENT,
    { spec: { template: { metadata: { annotations } } } },
    { type: 'merge' },
  );
  await settled(2, old);
}

describe('cluster DNS goes on answering', { concurrency: false }, () => {
  before(async () => {
    cluster = startCluster('--nodes', '3', '--ip-family', 'dual');
    client = new ApiClient(await loadKubeconfig({ path: cluster.kubeconfig }));
    for (const i of [1, 2, 3]) {
      await client.create(PODS, {
        metadata: { namespace: 'default', name: `client-${i}` },
        spec: { nodeName: `node-${i}`, containers: [{ name: 'pause', image: 'portolan/pause' }] },
      });
    }
    await until(
      'the clients',
      () => client.list(PODS, { namespace: 'default' }),
      ({ items }) => items.length === 3 && items.every(({ status }) => status?.phase === 'Running'),
    );
    await settled(2);
  });
  after(() => {
    client[Symbol.dispose]();
    cluster[Symbol.dispose]();
  });

  it('while the Deployment is rolled', async () => {
    assert.deepEqual(await failuresWhile([...UDP, ...TCP], roll), []);
  });

  it('while one server after the other is killed, and one again', async () => {
    assert.deepEqual(await failuresWhile(UDP, killEach), []);
  });

  it('while the Deployment is scaled from one to ten and back', async () => {
    await scale(1);
    const work = async (): Promise<void> => {
      await scale(10);
      await scale(1);
    };
    assert.deepEqual(await failuresWhile([...UDP, ...TCP], work), []);
  });
});
