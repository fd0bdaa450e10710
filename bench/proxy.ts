// How long the service proxy takes to bring 100, 1,000 and 10,000 Services of three endpoints into the kernel, and
// one changed endpoint from the API event to the kernel. Everything happens in a network namespace of its own.
//
//     node bench/proxy.ts [--sizes 100,1000,10000] [--rounds 200]
//
// PORTOLAN_PEER_KUBE_PROXY=/path/to/kube-proxy runs kube-proxy (mode nftables) beside it, with fewer rounds.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay, setImmediate as nextTurn } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { EndpointSlice } from '#api/discovery/v1.gen.ts';
import type { KubeObject } from '#api/machinery/object.ts';
import { Nftables } from '#kernel/nftables.ts';
import { Rtnetlink } from '#kernel/rtnetlink.ts';
import { NftablesDataPlane } from '#serviceproxy/apply-nftables.ts';
import type { ServicePlan } from '#serviceproxy/forwarding-model.ts';
import { planService } from '#serviceproxy/plan-service.ts';
import { type FakeApi, startFakeApi } from '#test/support/fake-api.ts';

const MARKER = 'PORTOLAN_BENCH_NAMESPACE';
const LAUNCHER = join(import.meta.dirname, '../portolan');
const KUBE_PROXY = process.env['PORTOLAN_PEER_KUBE_PROXY'];
const ENDPOINTS = 3;
const NODE_ADDRESS = '172.31.255.1';
const GIVE_UP_MS = 300_000;

const { values } = parseArgs({
  options: {
    sizes: { type: 'string', default: '100,1000,10000' },
    rounds: { type: 'string', default: '200' },
  },
});

if (process.env[MARKER] !== '1') process.exit(enterNamespace());
await main();
process.exit(0);

function enterNamespace(): number {
  const user = process.getuid?.() === 0 ? [] : ['--user', '--map-root-user'];
  const again = [process.execPath, ...process.execArgv, ...process.argv.slice(1)];
  const env = { ...process.env, [MARKER]: '1' };
  return spawnSync('unshare', [...user, '--net', ...again], { stdio: 'inherit', env }).status ?? 1;
}

async function main(): Promise<void> {
  prepareNetwork();
  console.log(
    `${cpus().length} CPUs (${cpus()[0]?.model}), Node ${process.version}; ms unless said otherwise\n`,
  );
  console.log(
    '| proxy | Services | start to all rules | of it kernel | CPU s to there | change p50 | p99 | max | RSS MB |',
  );
  console.log('|---|---|---|---|---|---|---|---|---|');
  for (const size of values.sizes.split(',').map(Number)) {
    await benchPortolan(size);
    if (KUBE_PROXY !== undefined) await benchKubeProxy(KUBE_PROXY, size);
  }
  if (KUBE_PROXY === undefined) console.log('\nkube-proxy: peer not present (PORTOLAN_PEER_KUBE_PROXY)');
}

/** An address for the Node and a route to Services. */
function prepareNetwork(): void {
  using rtnetlink = Rtnetlink.open();
  rtnetlink.setLink('lo', { up: true });
  rtnetlink.createVeth({ name: 'bench0', up: true, peer: { name: 'bench1' } });
  rtnetlink.addAddress({ link: 'bench0', address: `${NODE_ADDRESS}/24` });
}

async function benchPortolan(size: number): Promise<void> {
  const kernelMs = measureKernel(size);
  await using api = await startFakeApi(objects(size));
  const args = [
    'proxy',
    '--kubeconfig',
    kubeconfig(api),
    '--hostname-override',
    'bench',
    '--cluster-cidr',
    '10.128.0.0/9',
  ];
  const startedMs = performance.now();
  const child = spawn(LAUNCHER, [...args, '--healthz-bind-address', 'off'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  await new Promise<void>((resolve, reject) => {
    child.on('exit', () => reject(new Error('portolan proxy ended')));
    child.stderr.on('data', (text) => String(text).includes('serving Services') && resolve());
  });
  const loadMs = performance.now() - startedMs;
  await report(
    'portolan',
    size,
    child,
    { loadMs, kernelMs },
    await changes(api, size, Number(values.rounds)),
  );
}

async function benchKubeProxy(program: string, size: number): Promise<void> {
  await using api = await startFakeApi(objects(size));
  const startedMs = performance.now();
  const child = spawn(program, ['--config', kubeProxyConfig(api)], { stdio: 'ignore' });
  const done = await until(async () => (await lastSync()) > 0);
  const loadMs = done ? performance.now() - startedMs : Number.NaN;
  const rounds = Math.min(20, Number(values.rounds));
  await report('kube-proxy', size, child, { loadMs, kernelMs: Number.NaN }, await changes(api, size, rounds));
}

async function report(
  name: string,
  size: number,
  child: ChildProcess,
  { loadMs, kernelMs }: { loadMs: number; kernelMs: number },
  latencies: number[],
): Promise<void> {
  const { cpuSeconds, rssMb } = usage(child.pid ?? 0);
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.removeAllListeners('exit');
  child.once('exit', () => child.emit('gone'));
  child.kill();
  await Promise.race([gone, new Promise((resolve) => child.once('gone', resolve)), delay(5000)]);
  spawnSync('nft', ['flush', 'ruleset']);
  const ms = (value: number | undefined): string =>
    value === undefined || Number.isNaN(value) ? '-' : value.toFixed(1);
  const at = (share: number): string =>
    ms(latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))]);
  const row = [
    name,
    size,
    ms(loadMs),
    ms(kernelMs),
    cpuSeconds.toFixed(2),
    at(0.5),
    at(0.99),
    at(1),
    rssMb.toFixed(0),
  ];
  console.log(`| ${row.join(' | ')} |`);
}

/** The same model in this process: how much of the time are transactions. */
function measureKernel(size: number): number {
  const client = Nftables.open();
  let spentMs = 0;
  const run = client.run.bind(client);
  client.run = (...args) => {
    const startedMs = performance.now();
    const parts = run(...args);
    spentMs += performance.now() - startedMs;
    return parts;
  };
  using dataPlane = new NftablesDataPlane(client);
  const services = new Map<string, ServicePlan>();
  for (let i = 0; i < size; i++) {
    const plan = planService(service(i), [slice(i)], { nodeName: 'bench', zone: undefined });
    if (plan !== undefined) services.set(`default/service-${i}`, plan);
  }
  const settings = {
    nodePortAddresses: [],
    clusterCidrs: ['10.128.0.0/9'],
    serviceCidrs: [],
    masqueradeAll: false,
  };
  dataPlane.set({ settings, services });
  dataPlane.cleanup();
  return spentMs;
}

/** From just before the event is sent until the kernel's ruleset has changed; sorted. */
async function changes(api: FakeApi, size: number, rounds: number): Promise<number[]> {
  using client = Nftables.open();
  const latencies: number[] = [];
  for (let round = 0; round < rounds; round++) {
    await delay(20);
    const before = client.generation();
    const changed = slice((round * 7919) % size, `10.250.${round >> 8}.${round & 255}`);
    const startedMs = performance.now();
    api.apply(changed);
    while (client.generation() === before && performance.now() - startedMs < 30_000) await nextTurn();
    latencies.push(performance.now() - startedMs);
  }
  return latencies.sort((a, b) => a - b);
}

function objects(size: number): KubeObject[] {
  const addresses = [{ type: 'InternalIP', address: NODE_ADDRESS }];
  const node = {
    kind: 'Node',
    apiVersion: 'v1',
    metadata: { name: 'bench' },
    spec: {},
    status: { addresses },
  };
  return [node, ...Array.from({ length: size }, (_, i) => [service(i), slice(i)]).flat()];
}

function service(i: number) {
  return {
    kind: 'Service',
    apiVersion: 'v1',
    metadata: { namespace: 'default', name: `service-${i}` },
    spec: {
      type: 'ClusterIP',
      clusterIP: `10.96.${i >> 8}.${i & 255}`,
      clusterIPs: [`10.96.${i >> 8}.${i & 255}`],
      ipFamilies: ['IPv4'],
      internalTrafficPolicy: 'Cluster',
      sessionAffinity: 'None',
      ports: [{ name: 'http', port: 80, protocol: 'TCP', targetPort: 8080 }],
    },
  };
}

function slice(i: number, first = `10.200.${i >> 8}.${i & 255}`): EndpointSlice {
  const others = Array.from({ length: ENDPOINTS - 1 }, (_, n) => `10.${201 + n}.${i >> 8}.${i & 255}`);
  return {
    kind: 'EndpointSlice',
    apiVersion: 'discovery.k8s.io/v1',
    metadata: {
      namespace: 'default',
      name: `service-${i}-x`,
      labels: { 'kubernetes.io/service-name': `service-${i}` },
    },
    addressType: 'IPv4',
    ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
    endpoints: [first, ...others].map((address) => ({
      addresses: [address],
      conditions: { ready: true, serving: true, terminating: false },
      nodeName: 'other',
    })),
  };
}

function scratchFile(name: string, text: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'portolan-bench-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(join(folder, name), text);
  return join(folder, name);
}

function kubeconfig(api: FakeApi): string {
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'bench',
    clusters: [{ name: 'bench', cluster: { server: api.url } }],
    users: [{ name: 'bench', user: {} }],
    contexts: [{ name: 'bench', context: { cluster: 'bench', user: 'bench' } }],
  };
  return scratchFile('kubeconfig', JSON.stringify(config));
}

function kubeProxyConfig(api: FakeApi): string {
  const config = {
    apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
    kind: 'KubeProxyConfiguration',
    mode: 'nftables',
    hostnameOverride: 'bench',
    clusterCIDR: '10.128.0.0/9',
    clientConnection: { kubeconfig: kubeconfig(api) },
    conntrack: { maxPerCore: 0, min: 0, tcpEstablishedTimeout: '0s', tcpCloseWaitTimeout: '0s' },
    metricsBindAddress: '127.0.0.1:10249',
  };
  return scratchFile('kube-proxy.json', JSON.stringify(config));
}

/** Of the IPv4 proxier, in seconds since 1970; 0 before the first. */
async function lastSync(): Promise<number> {
  const response = await fetch('http://127.0.0.1:10249/metrics').catch(() => undefined);
  const text = (await response?.text()) ?? '';
  const match = /^kubeproxy_sync_proxy_rules_last_timestamp_seconds\{ip_family="IPv4"\} (\S+)$/m.exec(text);
  return Number(match?.[1] ?? 0);
}

async function until(condition: () => Promise<boolean>): Promise<boolean> {
  for (const deadline = Date.now() + GIVE_UP_MS; Date.now() < deadline; await delay(100)) {
    if (await condition()) return true;
  }
  return false;
}

/** User and system time, children included, and memory of a process. */
function usage(pid: number): { cpuSeconds: number; rssMb: number } {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ');
  const ticks = stat.slice(11, 15).reduce((sum, value) => sum + Number(value), 0);
  const rss = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return { cpuSeconds: ticks / 100, rssMb: Number(rss) / 1024 };
}
