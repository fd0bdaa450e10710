// The DNS server on one core, asked over UDP by dnsperf from another one, beside its peers: queries per second, CPU per
// answer, latency at half load; and with 10,000 Services and 50,000 endpoints: start, memory, how fast a change shows.
//
//     node bench/dns.ts [--services 1000] [--seconds 10] [--runs 3] [--only kubeadm|bare|external|scale]
//
// PORTOLAN_PEER_COREDNS=/path/to/coredns and PORTOLAN_PEER_UNBOUND=/path/to/unbound run these in the same run.
import { type ChildProcess, fork, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Asker, latencies, load, percentiles, startServer } from './dns-load.ts';
import { type Contestant, unbound, withBareKubernetes, withKubeadm } from './dns-peers.ts';

const LAUNCHER = join(import.meta.dirname, '../portolan');
const ZONE = 'default.svc.cluster.local';
const SCALE = { services: 10_000, endpoints: 5, changes: 200 };

const { values } = parseArgs({
  options: {
    services: { type: 'string', default: '1000' },
    seconds: { type: 'string', default: '10' },
    runs: { type: 'string', default: '3' },
    only: { type: 'string' },
  },
});

if (spawnSync('dnsperf', ['-h']).error !== undefined) {
  console.error('dnsperf is not installed');
  process.exit(1);
}
const scratch = mkdtempSync(join(tmpdir(), 'portolan-bench-'));
const helpers: ChildProcess[] = [];
process.on('exit', () => {
  for (const helper of helpers) helper.kill();
  rmSync(scratch, { recursive: true, force: true });
});
await main();
process.exit();

async function main(): Promise<void> {
  console.log(`${cpus().length} CPUs (${cpus()[0]?.model}), Linux ${release()}, Node ${process.version}\n`);
  const count = Number(values.services);
  const [apiUrl] = await startHelper<string>('dns-api.ts', [String(count), '3']);
  const [upstreamPort] = await startHelper<number>('dns-upstream.ts', []);
  const names = Array.from({ length: count }, (_, i) => `service-${i}.${ZONE}`);
  const surroundings = { portolan: [LAUNCHER, 'dns'], apiUrl, upstreamPort, names, file: scratchFile };
  const external = names.map((_, i) => `host-${i}.example.org`);
  const kubeadm = withKubeadm(surroundings);
  await compare(
    'kubeadm',
    `kubeadm's Corefile, ${count} Services`,
    [...kubeadm, unbound(surroundings)],
    names,
  );
  await compare('bare', 'the plugin kubernetes alone', withBareKubernetes(surroundings), names);
  await compare(
    'external',
    `kubeadm's Corefile, ${count} names of another server, cached`,
    kubeadm,
    external,
  );
  if (values.only === undefined || values.only === 'scale') await scale(upstreamPort);
}

/** One table: every contestant with the same questions. */
async function compare(
  kind: string,
  title: string,
  contestants: readonly Contestant[],
  names: readonly string[],
): Promise<void> {
  if (values.only !== undefined && values.only !== kind) return;
  console.log(`### ${title}\n`);
  console.log(
    '| server | queries/s, best run | of all runs | per CPU second | lost | p50, p99, p99.9 at half load (ms) | first answer (ms) | RSS (MB) |',
  );
  console.log('|---|---|---|---|---|---|---|---|');
  const queries = queryFile(kind, names);
  for (const { name, command, variable } of contestants) {
    if (command === undefined) console.log(`| ${name} | peer not present (${variable}) | | | | | | |`);
    else console.log(`| ${name} | ${(await measure(command, names[0] ?? '', queries)).join(' | ')} |`);
  }
  console.log('');
}

async function measure(
  command: readonly string[],
  question: string,
  queries: string,
): Promise<(string | number)[]> {
  await using server = await startServer(command, question);
  load(server, queries, 2);
  const seconds = Number(values.seconds);
  const results = Array.from({ length: Number(values.runs) }, () => load(server, queries, seconds));
  const best = results.reduce((a, b) => (b.perSecond > a.perSecond ? b : a));
  const half = Array.from({ length: Number(values.runs) }, () =>
    latencies(queries, seconds / 2, best.perSecond / 2),
  );
  const { p50, p99, p999 } = half.reduce((a, b) => (b.p99 < a.p99 ? b : a));
  return [
    Math.round(best.perSecond),
    results.map(({ perSecond }) => Math.round(perSecond)).join(' '),
    Math.round(Math.max(...results.map(({ perCpuSecond }) => perCpuSecond))),
    best.lost,
    [p50, p99, p999].map((ms) => ms.toFixed(2)).join(', '),
    server.firstAnswerMs.toFixed(0),
    server.rssMb().toFixed(0),
  ];
}

/** A large cluster: the time to the first answer, memory, and how long changes and queries take meanwhile. */
async function scale(upstreamPort: number): Promise<void> {
  const { services, endpoints, changes } = SCALE;
  console.log(`### ${services} Services, ${services * endpoints} endpoints, portolan dns\n`);
  const [apiUrl, api] = await startHelper<string>('dns-api.ts', [String(services), String(endpoints)]);
  const names = Array.from({ length: services }, (_, i) => `service-${i}.${ZONE}`);
  const surroundings = { portolan: [LAUNCHER, 'dns'], apiUrl, upstreamPort, names, file: scratchFile };
  const command = withKubeadm(surroundings)[0]?.command ?? [];
  await using server = await startServer(command, names.at(-1) ?? '');
  const idleMb = server.rssMb();
  load(server, queryFile('scale', names), Number(values.seconds));
  const loadedMb = server.rssMb();
  const { visible, meanwhile } = await changeServices(api, changes);
  const ms = ({ p50, p99, p999 }: ReturnType<typeof percentiles>): string =>
    [p50, p99, p999].map((value) => value.toFixed(2)).join(', ');
  console.log(
    '| first answer (ms) | RSS at first, after load (MB) | change visible, p50 p99 p99.9 (ms) | queries meanwhile (ms) |',
  );
  console.log('|---|---|---|---|');
  console.log(
    `| ${server.firstAnswerMs.toFixed(0)} | ${idleMb.toFixed(0)}, ${loadedMb.toFixed(0)} | ${ms(visible)} | ${ms(meanwhile)} |\n`,
  );
}

/** Gives one Service after the other another address and asks for it until it shows. */
async function changeServices(api: ChildProcess, changes: number) {
  using asker = new Asker();
  const visible: number[] = [];
  const meanwhile: number[] = [];
  for (let i = 0; i < changes; i++) {
    const address = `10.97.${i >> 8}.${i & 255}`;
    const startedMs = performance.now();
    api.send({ service: i * 37, address });
    for (let shown = false; !shown; ) {
      const askedMs = performance.now();
      const { answers } = await asker.ask(`service-${i * 37}.${ZONE}`);
      meanwhile.push(performance.now() - askedMs);
      const [data] = answers.map((record) => record.data);
      shown = data?.kind === 'address' && data.address === address;
    }
    visible.push(performance.now() - startedMs);
    await delay(5);
  }
  return { visible: percentiles(visible), meanwhile: percentiles(meanwhile) };
}

async function startHelper<T>(file: string, args: readonly string[]): Promise<[T, ChildProcess]> {
  const helper = fork(join(import.meta.dirname, file), args);
  helpers.push(helper);
  const [told] = (await once(helper, 'message')) as [T];
  return [told, helper];
}

function queryFile(name: string, names: readonly string[]): string {
  const shuffled = names.toSorted(() => Math.random() - 0.5);
  return scratchFile(`queries.${name}`, `${shuffled.map((each) => `${each} A`).join('\n')}\n`);
}

function scratchFile(name: string, text: string): string {
  writeFileSync(join(scratch, name), text);
  return join(scratch, name);
}
