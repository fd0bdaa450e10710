// The DNS server on one core, asked over UDP by dnsperf from another one, beside its peers: queries per second, CPU per
// answer, latency at half load; and with 10,000 Services and 50,000 endpoints: start, memory, how fast a change shows.
// Results are medians of runs in turn, with their range, and say whether they are what they shall be; the exit code
// does not.
//
//     node bench/dns.ts [--quick] [--services 1000] [--seconds 10] [--runs 3] [--only kubeadm,bare,negative,external,scale]
//
// On a machine with other work, `chrt -r 1 node bench/dns.ts` (as root) puts all contestants and dnsperf before it.
//
// PORTOLAN_PEER_COREDNS=/path/to/coredns and PORTOLAN_PEER_UNBOUND=/path/to/unbound run these in the same run.
import { type ChildProcess, fork, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { compare } from './dns-compare.ts';
import { LOAD_CORE } from './dns-load.ts';
import { type Contestant, type Surroundings, unbound, withBareKubernetes, withKubeadm } from './dns-peers.ts';
import { measureLargeCluster } from './dns-scale.ts';

const LAUNCHER = join(import.meta.dirname, '../portolan');
const ZONE = 'default.svc.cluster.local';
const PARTS = ['kubeadm', 'bare', 'negative', 'external', 'scale'] as const;
const LARGE = { services: 10_000, endpoints: 5, changes: 200 };

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    services: { type: 'string' },
    seconds: { type: 'string' },
    runs: { type: 'string' },
    only: { type: 'string', default: PARTS.join(',') },
  },
});
const seconds = Number(values.seconds ?? (values.quick ? 2 : 10));
const runs = Number(values.runs ?? (values.quick ? 1 : 3));
const services = Number(values.services ?? (values.quick ? 200 : 1000));
const wanted = new Set(values.only.split(','));
const unknown = [...wanted].filter((part) => !PARTS.some((known) => known === part));

if (unknown.length > 0) fail(`--only ${unknown.join(',')}: there are ${PARTS.join(', ')}`);
if (![seconds, runs, services].every((value) => value >= 1))
  fail('--seconds, --runs, --services: at least 1');
if (spawnSync('dnsperf', ['-h']).error !== undefined) fail('dnsperf is not installed');

const scratch = mkdtempSync(join(tmpdir(), 'portolan-bench-'));
const helpers: ChildProcess[] = [];
process.on('exit', () => {
  for (const helper of helpers) helper.kill();
  rmSync(scratch, { recursive: true, force: true });
});
keepOffServerCore(process.pid);
await main();
process.exit();

async function main(): Promise<void> {
  const [load = 0] = loadavg();
  console.log(
    `${cpus().length} CPUs (${cpus()[0]?.model}), Linux ${release()}, Node ${process.version}, load ${load.toFixed(1)}; ${runs} runs of ${seconds} s\n`,
  );
  const [upstreamPort] = await startHelper<number>('dns-upstream.ts', []);
  if (PARTS.some((part) => part !== 'scale' && wanted.has(part))) await comparePeers(upstreamPort);
  if (wanted.has('scale')) await scale(upstreamPort);
}

async function comparePeers(upstreamPort: number): Promise<void> {
  const [apiUrl] = await startHelper<string>('dns-api.ts', [String(services), '3']);
  const surroundings = surroundingsOf(apiUrl, upstreamPort, services);
  const { names } = surroundings;
  const external = names.map((_, i) => `host-${i}.example.org`);
  const part = async (
    kind: (typeof PARTS)[number],
    title: string,
    contestants: () => readonly Contestant[],
    questions: readonly string[],
  ): Promise<void> => {
    if (!wanted.has(kind)) return;
    const queries = queryFile(kind, questions);
    const question = questions[0] ?? '';
    await compare({ title, contestants: contestants(), question, queries, seconds, runs });
  };
  const kubeadm = `kubeadm's Corefile, ${services} Services`;
  await part(
    'kubeadm',
    kubeadm,
    () => [
      ...withKubeadm(surroundings, { goal: 5, recorded: 26_500 }),
      unbound(surroundings, { goal: 1, recorded: 146_000 }),
    ],
    names,
  );
  await part(
    'bare',
    `the plugin kubernetes alone, ${services} Services`,
    () => withBareKubernetes(surroundings, { goal: 3.5, recorded: 40_000 }),
    names,
  );
  await part(
    'negative',
    `${kubeadm}; every other question is a miss of the search path`,
    () => [...withKubeadm(surroundings), unbound(surroundings)],
    names.flatMap((name, i) => [name, missOf(i)]),
  );
  await part(
    'external',
    `kubeadm's Corefile, ${services} names of another server, cached`,
    () => withKubeadm(surroundings, { goal: 3 }),
    external,
  );
}

/** What a pod asks before it asks for a name outside, step by step along its search path. */
function missOf(i: number): string {
  const domains = [ZONE, 'svc.cluster.local', 'cluster.local'];
  return `host-${i}.example.org.${domains[i % domains.length]}`;
}

async function scale(upstreamPort: number): Promise<void> {
  const { endpoints, changes } = LARGE;
  const [apiUrl, api] = await startHelper<string>('dns-api.ts', [String(LARGE.services), String(endpoints)]);
  const surroundings = surroundingsOf(apiUrl, upstreamPort, LARGE.services);
  const { names } = surroundings;
  const queries = queryFile('scale', names);
  const title = `${LARGE.services} Services, ${LARGE.services * endpoints} endpoints`;
  await measureLargeCluster(title, withKubeadm(surroundings), { api, names, queries, seconds, changes });
}

function surroundingsOf(apiUrl: string, upstreamPort: number, count: number): Surroundings {
  const names = Array.from({ length: count }, (_, i) => `service-${i}.${ZONE}`);
  return { portolan: [LAUNCHER, 'dns'], apiUrl, upstreamPort, names, file: scratchFile };
}

async function startHelper<T>(file: string, args: readonly string[]): Promise<[T, ChildProcess]> {
  const helper = fork(join(import.meta.dirname, file), args);
  helpers.push(helper);
  keepOffServerCore(helper.pid);
  const [told] = (await once(helper, 'message')) as [T];
  return [told, helper];
}

function keepOffServerCore(pid: number | undefined): void {
  spawnSync('taskset', ['-acp', LOAD_CORE, String(pid)]);
}

function queryFile(name: string, names: readonly string[]): string {
  const shuffled = names.toSorted(() => Math.random() - 0.5);
  return scratchFile(`queries.${name}`, `${shuffled.map((each) => `${each} A`).join('\n')}\n`);
}

function scratchFile(name: string, text: string): string {
  writeFileSync(join(scratch, name), text);
  return join(scratch, name);
}

function fail(message: string): never {
  console.error(message);
  process.exit(1);
}
