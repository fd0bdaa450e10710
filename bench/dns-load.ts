// What bench/dns.ts measures with: dnsperf on a core of its own, the server's process as the kernel accounts for it.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { type DnsMessage, decodeMessage, encodeQuery, HeaderFlag, parseName, RecordType } from '#wire/dns.ts';

const CLIENTS = 20;
const OUTSTANDING = 100;
export const LOAD_CORE = cpus().length > 1 ? '1' : '0';
const SERVER_CORE = '0';

export interface LoadResult {
  readonly perSecond: number;
  readonly lost: number;
  /** Time of the server's CPU per answer in us, kernel included. */
  readonly cpuUs: number;
}

export interface Percentiles {
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
}

/** A server on its core, that has answered. */
export interface RunningServer extends AsyncDisposable {
  readonly child: ChildProcess;
  readonly port: number;
  readonly firstAnswerMs: number;
  rssMb(): number;
}

/** Starts a server and waits for its first right answer. */
export async function startServer(
  command: readonly string[],
  port: number,
  question: string,
): Promise<RunningServer> {
  const startedMs = performance.now();
  const child = spawn('taskset', ['-c', SERVER_CORE, ...command], {
    stdio: ['ignore', 'ignore', process.env['PORTOLAN_BENCH_LOG'] === undefined ? 'ignore' : 'inherit'],
    env: { ...process.env, GOMAXPROCS: '1' },
  });
  const gone = new Promise((resolve) => child.once('exit', resolve));
  const stop = async (): Promise<void> => {
    child.kill('SIGKILL');
    await gone;
  };
  try {
    await firstAnswer(question, port, child);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    child,
    port,
    firstAnswerMs: performance.now() - startedMs,
    rssMb: () => rssMb(child.pid ?? 0),
    [Symbol.asyncDispose]: stop,
  };
}

/** As many queries as it answers, `OUTSTANDING` on their way at a time. */
export function load(server: RunningServer, queries: string, seconds: number): LoadResult {
  const before = cpuSeconds(server.child.pid ?? 0);
  const [program, args] = dnsperf(server, queries, seconds, []);
  const text = spawnSync(program, args, { encoding: 'utf8' }).stdout;
  const completed = numberIn(text, /Queries completed:\s+(\d+)/);
  return {
    perSecond: numberIn(text, /Queries per second:\s+([\d.]+)/),
    lost: numberIn(text, /Queries lost:\s+(\d+)/),
    cpuUs: ((cpuSeconds(server.child.pid ?? 0) - before) * 1e6) / completed,
  };
}

/**
 * Latencies in ms at a fixed rate of queries per second. They go through a file: a reader at the other end of a pipe
 * would take turns with the server.
 */
export async function latencies(
  server: RunningServer,
  queries: string,
  seconds: number,
  perSecond: number,
): Promise<Percentiles> {
  const rate = ['-v', '-Q', String(Math.round(perSecond))];
  const [program, args] = dnsperf(server, queries, seconds, rate);
  const file = `${queries}.latencies`;
  const output = openSync(file, 'w');
  const [code] = (await once(spawn(program, args, { stdio: ['ignore', output, 'inherit'] }), 'close')) as [
    number,
  ];
  closeSync(output);
  if (code !== 0) throw new Error(`dnsperf ended with code ${code}`);
  const ms = [...readFileSync(file, 'utf8').matchAll(/^> \S+ \S+ \S+ ([\d.]+)$/gm)];
  return percentiles(ms.map(([, value]) => Number(value) * 1000));
}

export function percentiles(values: readonly number[]): Percentiles {
  const sorted = Float64Array.from(values).toSorted();
  const at = (part: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN;
  return { p50: at(0.5), p99: at(0.99), p999: at(0.999) };
}

function dnsperf(
  { port }: RunningServer,
  queries: string,
  seconds: number,
  more: readonly string[],
): [string, string[]] {
  const target = ['-s', '127.0.0.1', '-p', String(port), '-d', queries];
  const limits = ['-l', String(seconds), '-c', String(CLIENTS), '-q', String(OUTSTANDING), '-T', '1'];
  return ['taskset', ['-c', LOAD_CORE, 'dnsperf', ...target, ...limits, ...more]];
}

function numberIn(text: string, pattern: RegExp): number {
  return Number(pattern.exec(text)?.[1] ?? Number.NaN);
}

/** Asks every 2 ms until an address comes back. */
async function firstAnswer(question: string, port: number, child: ChildProcess): Promise<void> {
  using asker = new Asker(port);
  for (const deadline = Date.now() + 60_000; ; ) {
    const answer = await Promise.race([asker.ask(question), delay(2)]);
    if (answer !== undefined && answer.answers.length > 0) return;
    if (child.exitCode !== null)
      throw new Error(`the server ended with code ${child.exitCode}: ${child.spawnargs.join(' ')}`);
    if (Date.now() > deadline) throw new Error('no answer in a minute');
  }
}

/** Asks one question at a time. */
export class Asker implements Disposable {
  readonly #socket: Socket = createSocket('udp4');
  readonly #port: number;
  #id = 0;
  #answered: ((message: DnsMessage) => void) | undefined;

  constructor(port: number) {
    this.#port = port;
    this.#socket.on('error', () => undefined);
    this.#socket.on('message', (bytes) => {
      const message = decodeMessage(bytes);
      if (message.id === this.#id) this.#answered?.(message);
    });
  }

  /** Resolves with the answer, however late it comes; an earlier question's never does any more. */
  ask(question: string): Promise<DnsMessage> {
    this.#id = (this.#id + 1) % 0x10000;
    const query = encodeQuery(
      this.#id,
      { name: parseName(question) ?? [], type: RecordType.A, class: 1 },
      HeaderFlag.RD,
    );
    return new Promise((resolve) => {
      this.#answered = resolve;
      this.#socket.send(query, this.#port, '127.0.0.1');
    });
  }

  [Symbol.dispose](): void {
    this.#socket.close();
  }
}

function rssMb(pid: number): number {
  return numberIn(readFileSync(`/proc/${pid}/status`, 'utf8'), /VmRSS:\s+(\d+)/) / 1024;
}

function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ');
  return (Number(stat[11]) + Number(stat[12])) / 100;
}
