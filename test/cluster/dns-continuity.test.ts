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
async function dnsPods(): Promise<{ name: string; ready: boolean; restarts: number }[]> {
  const { items } = await client.list(PODS, { namespace: DEPLOYMENT.namespace, labelSelector: SELECTOR });
  return items.map(({ metadata, status }) => ({
    name: metadata?.name ?? '',
    ready: (status?.conditions ?? []).some(({ type, status: is }) => type === 'Ready' && is === 'True'),
    restarts: status?.containerStatuses?.[0]?.restartCount ?? 0,
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

/** Every query of every client was answered, and there were about as many as there should be. */
async function nothingFails(loads: readonly DnsLoad[], work: () => Promise<void>): Promise<void> {
  const startedMs = Date.now();
  const results = await whileAsking(cluster, loads, async () => {
    await work();
    // What follows a change, such as proxies that hear of it, is part of it.
    await new Promise((resolve) => setTimeout(resolve, 1000));
  });
  const seconds = (Date.now() - startedMs) / 1000;
  for (const { asked, perSecond, failures, mode, server, pod } of results) {
    assert.deepEqual(failures, [], `${mode} from ${pod} to ${server}, ${asked} queries`);
    assert.ok(
      asked > (seconds * perSecond) / 4,
      `${mode} from ${pod}: only ${asked} queries in ${seconds} s`,
    );
  }
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

  it('while one server after the other is killed', async () => {
    const pids = await servers();
    assert.equal(pids.length, 2);
    let restarts = 0;
    await nothingFails(UDP, async () => {
      for (const pid of pids) {
        process.kill(pid, 'SIGKILL');
        restarts++;
        await until('the server is back', dnsPods, (all) => {
          return (
            all.every(({ ready }) => ready) && all.reduce((sum, pod) => sum + pod.restarts, 0) === restarts
          );
        });
      }
    });
  });

  it('while the Deployment is rolled', async () => {
    const old = (await dnsPods()).map(({ name }) => name);
    await nothingFails([...UDP, ...TCP], async () => {
      const annotations = { 'kubectl.kubernetes.io/restartedAt': new Date().toISOString() };
      const spec = { template: { metadata: { annotations } } };
      await client.patch(DEPLOYMENTS, DEPLOYMENT, { spec }, { type: 'merge' });
      await settled(2, old);
    });
  });

  it('while the Deployment is scaled from one to ten and back', async () => {
    await scale(1);
    await nothingFails([...UDP, ...TCP], async () => {
      await scale(10);
      await scale(1);
    });
  });
});
