import { setTimeout as delay } from 'node:timers/promises';
import type { Caller, Calls } from './calls.ts';
import type { Thread } from './thread.ts';

/** A thread that lived for so long had a good start: the next one follows at once. */
const STABLE_MS = 10_000;
const FIRST_PAUSE_MS = 100;
const MAX_PAUSE_MS = 10_000;

export interface KeptThreadOptions<C extends Calls> {
  /** Starts a thread; asked again for each that follows. */
  readonly start: () => Thread<C>;
  /** Gives a new thread its work. */
  readonly bringUp: (thread: Thread<C>) => Promise<void>;
  /** Clears away what an ended thread leaves with others; another one follows afterwards. */
  readonly onEnded?: () => Promise<void>;
  /** Told after each change of `running`. */
  readonly onChange: () => void;
  readonly log: (line: string) => void;
}

/** A thread, and another one whenever it has ended: at once at first, then after longer and longer pauses. */
export class KeptThread<C extends Calls> implements AsyncDisposable {
  running = false;
  restarts = 0;
  /** Resolves when the first thread has its work; rejects when that failed. */
  readonly started: Promise<void>;
  readonly #options: KeptThreadOptions<C>;
  readonly #stop = new AbortController();
  #thread: Thread<C>;

  constructor(options: KeptThreadOptions<C>) {
    this.#options = options;
    this.#thread = options.start();
    this.started = this.#bringUp();
    this.started.catch(() => undefined);
    void this.#keepRunning();
  }

  /** The current thread's calls; they fail while there is none. */
  get calls(): Caller<C> {
    return this.#thread.calls;
  }

  /** Ends the thread as a failure would: another one follows. */
  kill(): Promise<void> {
    return this.#thread.kill();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#thread[Symbol.asyncDispose]();
  }

  async #keepRunning(): Promise<void> {
    const { start, onEnded, onChange, log } = this.#options;
    let pauseMs = FIRST_PAUSE_MS;
    for (;;) {
      const bornAt = performance.now();
      const reason = await this.#thread.ended;
      if (this.#stop.signal.aborted) return;
      this.running = false;
      onChange();
      log(`the thread ended (${reason?.message ?? 'it did not start'}): it is replaced`);
      await onEnded?.().catch((error: unknown) => log(`clearing up: ${(error as Error).message}`));
      pauseMs = performance.now() - bornAt > STABLE_MS ? FIRST_PAUSE_MS : Math.min(pauseMs * 2, MAX_PAUSE_MS);
      await delay(pauseMs, undefined, { signal: this.#stop.signal }).catch(() => undefined);
      if (this.#stop.signal.aborted) return;
      this.restarts += 1;
      this.#thread = start();
      await this.#bringUp().catch((error: unknown) => {
        log(`the thread did not start: ${(error as Error).message}`);
        void this.#thread[Symbol.asyncDispose]();
      });
    }
  }

  async #bringUp(): Promise<void> {
    await this.#options.bringUp(this.#thread);
    this.running = true;
    this.#options.onChange();
  }
}
