import type { Writable } from 'node:stream';
import { Worker } from 'node:worker_threads';
import { FdLedger } from '#os/fd-ledger.ts';
import { type Caller, type Calls, joinThreads } from './calls.ts';
import { type WorkerEntry, workerEntryUrl } from './entries.ts';

/**
 * Where new objects live before the collector looks at them. V8's own choice of 48 MB, times the number of threads, is
 * most of a cluster's memory and makes nothing faster here; below 4 MB start-up slows down.
 */
const YOUNG_GENERATION_MB = 6;

/** What every thread gets: its own configuration, and where it records the raw descriptors it makes. */
export interface ThreadData<Config> {
  readonly ledger: SharedArrayBuffer;
  readonly config: Config;
}

/** A running thread of the cluster. */
export interface Thread<C extends Calls> extends AsyncDisposable {
  readonly calls: Caller<C>;
  /** Resolves when the thread has ended and its descriptors are closed; with why, when nobody asked it to end. */
  readonly ended: Promise<Error | undefined>;
  /** Ends it as a failure would, without a chance to tidy up. */
  kill(): Promise<void>;
}

export interface ThreadOptions<Config> {
  readonly name: string;
  readonly entry: WorkerEntry;
  readonly config: Config;
  /** Gets what the thread prints. */
  readonly log: Writable;
  /** What the thread may ask of us. */
  readonly handlers?: Calls;
  readonly maxHeapMb?: number;
}

/** Starts a thread. Its first words come through `calls`: a call waits until the thread has joined. */
export function startThread<Config, C extends Calls>(options: ThreadOptions<Config>): Thread<C> {
  const { name, entry, config, log, handlers = {}, maxHeapMb } = options;
  const ledger = new FdLedger();
  const worker = new Worker(workerEntryUrl(entry), {
    name,
    workerData: { ledger: ledger.shared, config } satisfies ThreadData<Config>,
    stdout: true,
    stderr: true,
    resourceLimits: {
      maxYoungGenerationSizeMb: YOUNG_GENERATION_MB,
      ...(maxHeapMb === undefined ? {} : { maxOldGenerationSizeMb: maxHeapMb }),
    },
  });
  worker.stdout.on('data', (chunk: Buffer) => log.write(chunk));
  worker.stderr.on('data', (chunk: Buffer) => log.write(chunk));
  const calls = joinThreads<C>(worker, handlers);
  let failure: Error | undefined;
  let asked = false;
  worker.on('error', (error) => {
    failure = error instanceof Error ? error : new Error(String(error));
    log.write(`${failure.stack ?? failure.message}\n`);
  });
  const ended = new Promise<Error | undefined>((resolve) => {
    worker.once('exit', (code) => {
      ledger.closeAll();
      const reason = failure ?? new Error(`thread ${name} ended with code ${code}`);
      calls.fail(reason);
      resolve(asked ? undefined : reason);
    });
  });
  return {
    calls,
    ended,
    async kill() {
      await worker.terminate();
    },
    async [Symbol.asyncDispose]() {
      asked = true;
      await worker.terminate();
      await ended;
    },
  };
}
