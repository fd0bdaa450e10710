// The large cluster of bench/dns.ts: the time to the first answer, memory, and how long changes take to show and queries
// are answered in meanwhile.
import type { ChildProcess } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import {
  Asker,
  latencies,
  load,
  type Percentiles,
  percentiles,
  type RunningServer,
  startServer,
} from './dns-load.ts';
import type { Contestant } from './dns-peers.ts';
import { printResult, printTable, spread } from './dns-result.ts';

export interface LargeCluster {
  /** Takes `{service, address}`: see bench/dns-api.ts. */
  readonly api: ChildProcess;
  /** Of its Services. */
  readonly names: readonly string[];
  /** File of questions, as dnsperf reads it. */
  readonly queries: string;
  readonly seconds: number;
  readonly changes: number;
}

interface Measured {
  readonly firstAnswerMs: number;
  readonly idleMb: number;
  readonly loadedMb: number;
  readonly visible: Percentiles;
  readonly meanwhile: Percentiles;
}

/** So often is asked while Services change. */
const QUERIES_MEANWHILE = 2000;
const PAUSE_MS = 20;
const GOALS = { firstAnswerMs: 2000, rssMb: 250, visibleP99Ms: 20, meanwhileP99Ms: 5 };

/** Ours is held against the goals; the others are for comparison. */
export async function measureLargeCluster(
  title: string,
  contestants: readonly Contestant[],
  cluster: LargeCluster,
): Promise<void> {
  console.log(`### ${title}\n`);
  const rows: string[][] = [];
  let ours: Measured | undefined;
  for (const { name, command, port, variable } of contestants) {
    if (command === undefined) {
      rows.push([name, `not present (${variable})`, '', '', '']);
      continue;
    }
    const measured = await measure(command, port, cluster);
    ours ??= measured;
    rows.push([name, ...cellsOf(measured)]);
  }
  printTable(
    [
      'server',
      'first answer (ms)',
      'RSS at first, after load (MB)',
      'change visible, p50 p99 p99.9 (ms)',
      'queries meanwhile (ms)',
    ],
    rows,
  );
  if (ours !== undefined) printGoals(ours);
  console.log('');
}

function cellsOf({ firstAnswerMs, idleMb, loadedMb, visible, meanwhile }: Measured): string[] {
  const ms = ({ p50, p99, p999 }: Percentiles): string =>
    [p50, p99, p999].map((value) => value.toFixed(2)).join(', ');
  return [
    firstAnswerMs.toFixed(0),
    `${idleMb.toFixed(0)}, ${loadedMb.toFixed(0)}`,
    ms(visible),
    ms(meanwhile),
  ];
}

function printGoals({ firstAnswerMs, idleMb, loadedMb, visible, meanwhile }: Measured): void {
  const result = (what: string, value: number, unit: string, atMost: number): void =>
    printResult(what, spread([value]), { unit, digits: 1, goal: { atMost } });
  result('first answer after the start', firstAnswerMs, 'ms', GOALS.firstAnswerMs);
  result('memory', Math.max(idleMb, loadedMb), 'MB', GOALS.rssMb);
  result('a change is visible, p99', visible.p99, 'ms', GOALS.visibleP99Ms);
  result('queries meanwhile, p99', meanwhile.p99, 'ms', GOALS.meanwhileP99Ms);
}

async function measure(
  command: readonly string[],
  port: number,
  { api, names, queries, seconds, changes }: LargeCluster,
): Promise<Measured> {
  await using server = await startServer(command, port, names.at(-1) ?? '');
  const idleMb = server.rssMb();
  load(server, queries, seconds);
  const loadedMb = server.rssMb();
  const [visible, meanwhile] = await Promise.all([
    changeServices(server, api, names, changes),
    latencies(server, queries, (changes * PAUSE_MS) / 1000, QUERIES_MEANWHILE),
  ]);
  return { firstAnswerMs: server.firstAnswerMs, idleMb, loadedMb, visible, meanwhile };
}

let generation = 0;

/** Gives one Service after the other another address and asks for it until it shows. */
async function changeServices(
  { port }: RunningServer,
  api: ChildProcess,
  names: readonly string[],
  changes: number,
): Promise<Percentiles> {
  using asker = new Asker(port);
  const visible: number[] = [];
  generation++;
  for (let i = 0; i < changes; i++) {
    const service = (i * 37) % names.length;
    const address = `10.${96 + generation}.${i >> 8}.${i & 255}`;
    const startedMs = performance.now();
    api.send({ service, address });
    for (let shown = false; !shown; ) {
      const { answers } = await asker.ask(names[service] ?? '');
      const [data] = answers.map((record) => record.data);
      shown = data?.kind === 'address' && data.address === address;
    }
    visible.push(performance.now() - startedMs);
    await delay(PAUSE_MS);
  }
  return percentiles(visible);
}
