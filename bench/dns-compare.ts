// One comparison of bench/dns.ts: all contestants at work at the same time, loaded in turn, so that what else the machine
// does meets them alike.
import {
  type LoadResult,
  latencies,
  load,
  type Percentiles,
  type RunningServer,
  startServer,
} from './dns-load.ts';
import type { Contestant } from './dns-peers.ts';
import { printResult, printTable, type Spread, spread, spreadText } from './dns-result.ts';

export interface Comparison {
  readonly title: string;
  /** Ours first. */
  readonly contestants: readonly Contestant[];
  /** Has an address as its answer. */
  readonly question: string;
  /** File of questions, as dnsperf reads it. */
  readonly queries: string;
  readonly seconds: number;
  readonly runs: number;
}

interface Measured {
  readonly contestant: Contestant;
  readonly loads: readonly LoadResult[];
  readonly halfLoad: readonly Percentiles[];
  readonly firstAnswerMs: number;
  readonly rssMb: number;
}

const WARM_UP_SECONDS = 2;
/** Of answers at half load. */
const P99_GOAL_MS = 1;

export async function compare(comparison: Comparison): Promise<void> {
  console.log(`### ${comparison.title}\n`);
  const measured = await measure(comparison);
  printTable(
    [
      'server',
      'queries/s',
      'CPU per answer (µs)',
      'p50, p99, p99.9 at half load (ms)',
      'lost',
      'first answer (ms)',
      'RSS (MB)',
    ],
    comparison.contestants.map((contestant) => rowOf(contestant, measured)),
  );
  printRatios(comparison.contestants, measured);
  const [ours] = measured;
  if (ours !== undefined) {
    const p99 = spread(ours.halfLoad.map((each) => each.p99));
    printResult('p99 at half load', p99, { unit: 'ms', goal: { atMost: P99_GOAL_MS } });
  }
  console.log('');
}

async function measure({ contestants, question, queries, seconds, runs }: Comparison): Promise<Measured[]> {
  await using stack = new AsyncDisposableStack();
  const servers: {
    contestant: Contestant;
    server: RunningServer;
    loads: LoadResult[];
    half: Percentiles[];
  }[] = [];
  for (const contestant of contestants) {
    if (contestant.command === undefined) continue;
    const server = stack.use(await startServer(contestant.command, contestant.port, question));
    servers.push({ contestant, server, loads: [], half: [] });
  }
  for (const { server } of servers) load(server, queries, Math.min(seconds, WARM_UP_SECONDS));
  for (let run = 0; run < runs; run++) {
    for (const { server, loads } of servers) loads.push(load(server, queries, seconds));
  }
  for (let run = 0; run < runs; run++) {
    for (const { server, loads, half } of servers) {
      const rate = spread(loads.map(({ perSecond }) => perSecond)).median / 2;
      half.push(await latencies(server, queries, Math.max(1, seconds / 2), rate));
    }
  }
  return servers.map(({ contestant, server, loads, half }) => ({
    contestant,
    loads,
    halfLoad: half,
    firstAnswerMs: server.firstAnswerMs,
    rssMb: server.rssMb(),
  }));
}

function rowOf(contestant: Contestant, measured: readonly Measured[]): string[] {
  const found = measured.find((each) => each.contestant === contestant);
  if (found === undefined)
    return [contestant.name, `not present (${contestant.variable})`, '', '', '', '', ''];
  const { loads, halfLoad, firstAnswerMs, rssMb } = found;
  const half = (pick: (each: Percentiles) => number): string => spread(halfLoad.map(pick)).median.toFixed(2);
  return [
    contestant.name,
    spreadText(spread(loads.map(({ perSecond }) => perSecond)), 0),
    spreadText(spread(loads.map(({ cpuUs }) => cpuUs)), 2),
    [half(({ p50 }) => p50), half(({ p99 }) => p99), half(({ p999 }) => p999)].join(', '),
    String(loads.reduce((sum, { lost }) => sum + lost, 0)),
    firstAnswerMs.toFixed(0),
    rssMb.toFixed(0),
  ];
}

/** Each of our runs by the peer's run next to it. */
function printRatios([, ...peers]: readonly Contestant[], [ours, ...theirs]: readonly Measured[]): void {
  if (ours === undefined) return;
  for (const peer of peers) {
    const goal = peer.goal === undefined ? undefined : { atLeast: peer.goal };
    const found = theirs.find(({ contestant }) => contestant === peer);
    if (found !== undefined) {
      const unit = `times ${peer.name}`;
      printResult('queries per second', ratios(ours, found, 'perSecond'), { unit, goal });
      printResult('queries per second of CPU', ratios(found, ours, 'cpuUs'), { unit });
    } else if (peer.recorded !== undefined) {
      const { recorded } = peer;
      const unit = `times the ${recorded} recorded elsewhere for ${peer.name}`;
      printResult('queries per second', spread(ours.loads.map(({ perSecond }) => perSecond / recorded)), {
        unit,
        goal,
      });
    }
  }
}

function ratios(a: Measured, b: Measured, value: 'perSecond' | 'cpuUs'): Spread {
  return spread(a.loads.map((each, run) => each[value] / (b.loads[run]?.[value] ?? Number.NaN)));
}
