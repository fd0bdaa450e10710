// Queries per second of the DNS server on one core, asked by dnsperf over UDP from the other one; and how long after
// its start the first answer comes.
//
//     node bench/dns.ts [--services 1000] [--seconds 10] [--runs 3]
//
// PORTOLAN_PEER_COREDNS=/path/to/coredns and PORTOLAN_PEER_UNBOUND=/path/to/unbound run these beside it.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { KubeObject } from '#api/machinery/object.ts';
import { startFakeApi } from '#test/support/fake-api.ts';
import { decodeMessage, encodeQuery, HeaderFlag, parseName, RecordType } from '#wire/dns.ts';

const LAUNCHER = join(import.meta.dirname, '../portolan');
const PORT = 15_353;
const CLIENTS = 20;
const OUTSTANDING = 100;
const [SERVER_CORE, LOAD_CORE] = cpus().length > 1 ? ['0', '1'] : ['0', '0'];

const { values } = parseArgs({
  options: {
    services: { type: 'string', default: '1000' },
    seconds: { type: 'string', default: '10' },
    runs: { type: 'string', default: '3' },
  },
});

interface Peer {
  readonly name: string;
  readonly command: readonly string[] | undefined;
  /** The variable that names its program. */
  readonly variable?: string;
}

if (spawnSync('dnsperf', ['-h']).error !== undefined) {
  console.error('dnsperf is not installed');
  process.exit(1);
}
const scratch = mkdtempSync(join(tmpdir(), 'portolan-bench-'));
process.on('exit', () => rmSync(scratch, { recursive: true, force: true }));
await main();

async function main(): Promise<void> {
  const names = Array.from(
    { length: Number(values.services) },
    (_, i) => `service-${i}.default.svc.cluster.local`,
  );
  const queries = join(scratch, 'queries');
  writeFileSync(
    queries,
    `${names
      .toSorted(() => Math.random() - 0.5)
      .map((name) => `${name} A`)
      .join('\n')}\n`,
  );
  await using api = await startFakeApi(objects(names.length));
  console.log(
    `${cpus().length} CPUs (${cpus()[0]?.model}), Node ${process.version}, ${names.length} Services, UDP\n`,
  );
  console.log(
    '| server | first answer ms | queries/s, best run | of all runs | queries per CPU second | lost | RSS MB |',
  );
  console.log('|---|---|---|---|---|---|---|');
  for (const peer of peers(api.url, names)) {
    if (peer.command === undefined)
      console.log(`| ${peer.name} | peer not present (${peer.variable}) | | | | | |`);
    else await bench(peer.name, peer.command, names[0] ?? '', queries);
  }
}

function peers(apiUrl: string, names: readonly string[]): Peer[] {
  const dns = [
    '--listen',
    `127.0.0.1:${PORT}`,
    '--health',
    'off',
    '--ready',
    'off',
    '--metrics',
    'off',
    '--lameduck',
    '0',
  ];
  const coredns = process.env['PORTOLAN_PEER_COREDNS'];
  const unbound = process.env['PORTOLAN_PEER_UNBOUND'];
  const kubernetes = `.:${PORT} {\n  bind 127.0.0.1\n  kubernetes cluster.local {\n    endpoint ${apiUrl}\n    ttl 30\n  }\n}\n`;
  return [
    { name: 'portolan dns', command: [LAUNCHER, 'dns', '--kubeconfig', kubeconfig(apiUrl), ...dns] },
    {
      name: 'CoreDNS (kubernetes plugin alone)',
      command: coredns === undefined ? undefined : [coredns, '-conf', scratchFile('Corefile', kubernetes)],
      variable: 'PORTOLAN_PEER_COREDNS',
    },
    {
      name: 'unbound (local-data)',
      command:
        unbound === undefined
          ? undefined
          : [unbound, '-d', '-c', scratchFile('unbound.conf', unboundConfig(names))],
      variable: 'PORTOLAN_PEER_UNBOUND',
    },
  ];
}

async function bench(
  name: string,
  command: readonly string[],
  question: string,
  queries: string,
): Promise<void> {
  const startedMs = performance.now();
  const child = spawn('taskset', ['-c', SERVER_CORE ?? '0', ...command], {
    stdio: 'ignore',
    env: { ...process.env, GOMAXPROCS: '1' },
  });
  try {
    await firstAnswer(question);
    const firstMs = performance.now() - startedMs;
    load(queries, 2);
    const results = Array.from({ length: Number(values.runs) }, () => measured(child, queries));
    const best = results.reduce((a, b) => (b.perSecond > a.perSecond ? b : a));
    const all = results.map(({ perSecond }) => Math.round(perSecond)).join(' ');
    const rss = Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1]) / 1024;
    const cells = [
      firstMs.toFixed(0),
      Math.round(best.perSecond),
      all,
      Math.round(best.perCpuSecond),
      best.lost,
      rss.toFixed(0),
    ];
    console.log(`| ${name} | ${cells.join(' | ')} |`);
  } finally {
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await gone;
  }
}

function measured(child: ChildProcess, queries: string) {
  const before = cpuSeconds(child.pid ?? 0);
  const { completed, lost, perSecond } = load(queries, Number(values.seconds));
  return { perSecond, lost, perCpuSecond: completed / (cpuSeconds(child.pid ?? 0) - before) };
}

function load(queries: string, seconds: number): { completed: number; lost: number; perSecond: number } {
  const limits = ['-l', String(seconds), '-c', String(CLIENTS), '-q', String(OUTSTANDING), '-T', '1'];
  const args = [
    '-c',
    LOAD_CORE ?? '0',
    'dnsperf',
    '-s',
    '127.0.0.1',
    '-p',
    String(PORT),
    '-d',
    queries,
    ...limits,
  ];
  const { stdout } = spawnSync('taskset', args, { encoding: 'utf8' });
  const number = (pattern: RegExp): number => Number(pattern.exec(stdout)?.[1] ?? Number.NaN);
  return {
    completed: number(/Queries completed:\s+(\d+)/),
    lost: number(/Queries lost:\s+(\d+)/),
    perSecond: number(/Queries per second:\s+([\d.]+)/),
  };
}

/** Asks every 2 ms until an address comes back. */
async function firstAnswer(question: string): Promise<void> {
  const socket = createSocket('udp4');
  const name = parseName(question) ?? [];
  const query = encodeQuery(1, { name, type: RecordType.A, class: 1 }, HeaderFlag.RD);
  const state = { answered: false };
  socket.on('error', () => {});
  socket.on('message', (bytes) => {
    state.answered ||= decodeMessage(bytes).answers.length > 0;
  });
  for (const deadline = Date.now() + 60_000; !state.answered; await delay(2)) {
    if (Date.now() > deadline) throw new Error('no answer in a minute');
    socket.send(query, PORT, '127.0.0.1');
  }
  socket.close();
}

function objects(count: number): KubeObject[] {
  const services = Array.from({ length: count }, (_, i) => ({
    kind: 'Service',
    apiVersion: 'v1',
    metadata: { namespace: 'default', name: `service-${i}` },
    spec: {
      type: 'ClusterIP',
      clusterIP: `10.96.${i >> 8}.${i & 255}`,
      clusterIPs: [`10.96.${i >> 8}.${i & 255}`],
      ports: [{ name: 'http', port: 80, protocol: 'TCP' }],
    },
  }));
  return [{ kind: 'Namespace', apiVersion: 'v1', metadata: { name: 'default' } }, ...services];
}

function scratchFile(name: string, text: string): string {
  writeFileSync(join(scratch, name), text);
  return join(scratch, name);
}

function kubeconfig(server: string): string {
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'bench',
    clusters: [{ name: 'bench', cluster: { server } }],
    users: [{ name: 'bench', user: {} }],
    contexts: [{ name: 'bench', context: { cluster: 'bench', user: 'bench' } }],
  };
  return scratchFile('kubeconfig', JSON.stringify(config));
}

function unboundConfig(names: readonly string[]): string {
  const data = names.map((name, i) => `  local-data: "${name}. 30 IN A 10.96.${i >> 8}.${i & 255}"`);
  const options = [
    'chroot: ""',
    'username: ""',
    'use-syslog: no',
    'pidfile: ""',
    'num-threads: 1',
    'do-daemonize: no',
  ];
  return `server:\n  interface: 127.0.0.1\n  port: ${PORT}\n  ${options.join('\n  ')}\n  local-zone: "cluster.local." static\n${data.join('\n')}\n`;
}

function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ');
  return (Number(stat[11]) + Number(stat[12])) / 100;
}
