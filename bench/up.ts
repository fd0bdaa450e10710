// How long `portolan up` takes until every node is Ready and cluster DNS answers, and how much memory it all takes;
// then 1,000 light pods behind 100 Services.
//
//     node bench/up.ts [--runs 10] [--nodes 1,3,10] [--pods 1000]
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { cpus, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { Deployment } from '#api/apps/v1.gen.ts';
import type { Service } from '#api/core/v1.gen.ts';
import type { ClusterStatus } from '#cluster/status.ts';
import { ApiClient } from '#kube/client.ts';
import { loadKubeconfig } from '#kube/kubeconfig.ts';
import { DEPLOYMENTS, SERVICES } from '#kube/resources.ts';

const LAUNCHER = join(import.meta.dirname, '../portolan');
const SERVICE_COUNT = 100;
const CONCURRENT_QUESTIONS = 16;

interface RunningCluster extends Disposable {
  readonly status: ClusterStatus;
  readonly upMs: number;
  /** The kernel's own memory before the cluster came up. */
  readonly kernelMbBefore: number;
}

interface Memory {
  readonly pssMb: number;
  /** What the kernel keeps for us: namespaces, links, rules, sockets, stacks, page tables. */
  readonly kernelMb: number;
}

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '10' },
    nodes: { type: 'string', default: '1,3,10' },
    pods: { type: 'string', default: '1000' },
  },
});

console.log(
  `${cpus().length} CPUs (${cpus()[0]?.model}), ${Math.round(totalmem() / 1e9)} GB, Node ${process.version}`,
);
for (const nodes of values.nodes.split(',').map(Number)) await benchUp(nodes, Number(values.runs));
if (Number(values.pods) > 0) await benchLightPods(Number(values.pods));

/** Fresh data directories each time, a warm compile cache and page cache: the first run is not counted. */
async function benchUp(nodes: number, runs: number): Promise<void> {
  startCluster(nodes)[Symbol.dispose]();
  const times: number[] = [];
  const memories: Memory[] = [];
  for (let run = 0; run < runs; run++) {
    using cluster = startCluster(nodes);
    times.push(cluster.upMs);
    await delay(1000);
    memories.push(memoryOf(cluster));
  }
  const pss = median(memories.map(({ pssMb }) => pssMb));
  const kernel = median(memories.map(({ kernelMb }) => kernelMb));
  console.log(
    `${nodes} nodes: ready after ${median(times)} ms (${Math.min(...times)} to ${Math.max(...times)}, ${runs} runs); ` +
      `PSS ${pss} MB, kernel ${kernel} MB`,
  );
}

async function benchLightPods(pods: number): Promise<void> {
  using cluster = startCluster(3);
  using client = new ApiClient(await loadKubeconfig({ path: cluster.status.kubeconfig }));
  const startedAt = performance.now();
  const names = Array.from({ length: SERVICE_COUNT }, (_, index) => `light-${index}`);
  await Promise.all(names.map((name) => createService(client, name, Math.ceil(pods / SERVICE_COUNT))));
  await Promise.all(names.map((name) => allReplicasAvailable(client, name)));
  const availableMs = performance.now() - startedAt;
  await everyServiceAnswers(cluster.status, names);
  const answeredMs = performance.now() - startedAt;
  await delay(1000);
  const { pssMb, kernelMb } = memoryOf(cluster);
  console.log(
    `${pods} light pods behind ${SERVICE_COUNT} Services on 3 nodes: all available after ${Math.round(availableMs)} ms, ` +
      `every Service answers after ${Math.round(answeredMs)} ms; PSS ${pssMb} MB, kernel ${kernelMb} MB`,
  );
}

function startCluster(nodes: number): RunningCluster {
  const dataDir = mkdtempSync(join(tmpdir(), 'portolan-bench-'));
  const words = ['--name', 'bench', '--data-dir', dataDir];
  const kernelMbBefore = kernelMemoryMb();
  const startedAt = performance.now();
  portolan('up', '--detach', '--nodes', String(nodes), ...words);
  const upMs = Math.round(performance.now() - startedAt);
  return {
    status: JSON.parse(portolan('status', '-o', 'json', ...words)) as ClusterStatus,
    upMs,
    kernelMbBefore,
    [Symbol.dispose]() {
      portolan('down', ...words);
      rmSync(dataDir, { recursive: true });
    },
  };
}

function portolan(...argv: string[]): string {
  const { status, stdout, stderr } = spawnSync(LAUNCHER, argv, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`portolan ${argv.join(' ')}: exit code ${status}: ${stderr}`);
  return stdout;
}

async function createService(client: ApiClient, name: string, replicas: number): Promise<void> {
  const metadata = { namespace: 'default', name };
  const labels = { app: name };
  const service: Service = { metadata, spec: { selector: labels, ports: [{ port: 80, targetPort: 8080 }] } };
  const deployment: Deployment = {
    metadata,
    spec: {
      replicas,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [{ name: 'echo', image: 'portolan/echo' }] } },
    },
  };
  await Promise.all([client.create(SERVICES, service), client.create(DEPLOYMENTS, deployment)]);
}

async function allReplicasAvailable(client: ApiClient, name: string): Promise<void> {
  for (;;) {
    const { spec, status } = await client.get(DEPLOYMENTS, { namespace: 'default', name });
    if (status?.availableReplicas === spec?.replicas) return;
    await delay(200);
  }
}

async function everyServiceAnswers(status: ClusterStatus, names: readonly string[]): Promise<void> {
  const open = [...names];
  const ask = async (): Promise<void> => {
    for (let name = open.pop(); name !== undefined; name = open.pop()) {
      while (!(await answers(status.proxy, `http://${name}.default.svc.cluster.local/`))) await delay(20);
    }
  };
  await Promise.all(Array.from({ length: CONCURRENT_QUESTIONS }, ask));
}

function answers(proxy: string, url: string): Promise<boolean> {
  const [host, port] = proxy.split(':');
  return new Promise((resolve) => {
    const outgoing = request({ host, port, path: url, timeout: 1000 }, (response) => {
      response.resume();
      response.on('end', () => resolve(response.statusCode === 200));
    });
    outgoing.on('timeout', () => outgoing.destroy());
    outgoing.on('error', () => resolve(false));
    outgoing.end();
  });
}

function memoryOf({ status, kernelMbBefore }: RunningCluster): Memory {
  const pssKb = processTree(status.pid)
    .map(pssOf)
    .reduce((sum, each) => sum + each, 0);
  return { pssMb: Math.round(pssKb / 1024), kernelMb: Math.round(kernelMemoryMb() - kernelMbBefore) };
}

/** Memory that the kernel holds for itself and cannot give back; of the whole machine. */
function kernelMemoryMb(): number {
  const meminfo = readFileSync('/proc/meminfo', 'utf8');
  const kb = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(meminfo)?.[1] ?? 0);
  return (
    ['SUnreclaim', 'VmallocUsed', 'Percpu', 'PageTables'].map(kb).reduce((sum, each) => sum + each) / 1024
  );
}

function pssOf(pid: number): number {
  try {
    return Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1] ?? 0);
  } catch {
    return 0;
  }
}

function processTree(root: number): number[] {
  const pids = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
  const parents = new Map(pids.map((pid) => [pid, parentOf(pid)]));
  const tree = [root];
  for (const pid of tree) for (const [child, parent] of parents) if (parent === pid) tree.push(child);
  return tree;
}

function parentOf(pid: number): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  } catch {
    return 0;
  }
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0;
}
