import { writeSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { closeFd } from '#os/fd-ledger.ts';
import { makePipe } from '#os/pipe.ts';
import { workerFile } from '#os/worker-file.ts';
import { ControlWord, type FromFront, type FrontData, type ToFront } from './messages.ts';

/** New objects of a front are few: V8's own choice of room for them is most of a thread's memory. */
const YOUNG_GENERATION_MB = 4;

/** What a front says when it runs. */
export type FrontReport = Exclude<FromFront, { kind: 'ready' }>;

/** How a thread came to its end. */
export interface FrontEnd {
  readonly reason: string;
  /** Undefined: it never answered. */
  readonly livedMs: number | undefined;
}

/**
 * A running thread. It ends by a message or a failure, never by `terminate()`: a call into the C library that is
 * interrupted so can take the whole process with it.
 */
export interface FrontThread {
  /** Resolves when it answers; rejects when it ends before. */
  readonly ready: Promise<void>;
  readonly ended: Promise<FrontEnd>;
  /** It takes messages with the next query, or at once when woken. */
  post(message: ToFront): void;
  wake(): void;
}

/** Starts the thread of `front-worker.ts`. `number` is for the messages of errors. */
export function startFrontThread(
  number: number,
  data: Omit<FrontData, 'wakeFd'>,
  onReport: (report: FrontReport) => void,
): FrontThread {
  const pipe = makePipe();
  const worker = new Worker(workerFile('front-worker', import.meta.url), {
    name: `dns front ${number}`,
    workerData: { ...data, wakeFd: pipe.read } satisfies FrontData,
    resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MB },
  });
  const ready = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<FrontEnd>();
  let startedMs: number | undefined;
  let reason = 'nobody knows why';
  let open = true;
  worker.on('message', (message: FromFront) => {
    if (message.kind !== 'ready') return onReport(message);
    startedMs = performance.now();
    ready.resolve();
  });
  worker.on('error', (error) => {
    reason = error instanceof Error ? error.message : String(error);
  });
  worker.once('exit', () => {
    open = false;
    for (const fd of [pipe.read, pipe.write]) closeFd(fd);
    ready.reject(new Error(`multisocket: thread ${number} cannot be started: ${reason}`));
    ended.resolve({ reason, livedMs: startedMs === undefined ? undefined : performance.now() - startedMs });
  });
  return {
    ready: ready.promise,
    ended: ended.promise,
    post(message) {
      worker.postMessage(message);
      Atomics.add(new Int32Array(data.control), ControlWord.POSTED, 1);
    },
    wake() {
      if (open) writeSync(pipe.write, 'x');
    },
  };
}
