/**
 * Keys to be worked on: each key once however often it was added, never by two workers at a time, again with
 * growing waits after a failure. A key added while it is worked on is worked on once more afterwards.
 */
import { type BackoffOptions, backoffMs } from './backoff.ts';
import { isAborted } from './errors.ts';

/** What a worker may ask for: to look at the key again later, without that being a failure. */
export interface Again {
  requeueAfterMs: number;
}

export interface WorkQueueOptions {
  /** In errors and metrics, for example `endpointslice`. */
  name: string;
  /** Does the work of one key. Rejecting means: again later. */
  work: (key: string, signal: AbortSignal) => Promise<Again | void>;
  signal: AbortSignal;
  /** Keys worked on at the same time. Default 4. */
  concurrency?: number | undefined;
  /** Waits after failures. Default 5 ms doubling up to 30 s. */
  backoff?: BackoffOptions | undefined;
  /** Told of each failure. */
  onError?: ((error: Error, key: string, failures: number) => void) | undefined;
}

export class WorkQueue {
  readonly #options: WorkQueueOptions;
  /** Waiting keys in the order they came. */
  readonly #ready = new Set<string>();
  readonly #running = new Set<string>();
  readonly #failures = new Map<string, number>();
  readonly #timers = new Map<string, { timer: NodeJS.Timeout; atMs: number }>();
  readonly #idle: (() => void)[] = [];
  #wakeUp: NodeJS.Immediate | undefined;

  constructor(options: WorkQueueOptions) {
    this.#options = options;
    options.signal.addEventListener('abort', () => this.#stop(), { once: true });
  }

  /** Keys waiting to be worked on, those waiting for a time aside. */
  get length(): number {
    return this.#ready.size;
  }

  /** Adds the key; nothing happens when it is waiting already. */
  add(key: string): void {
    if (this.#options.signal.aborted) return;
    this.#ready.add(key);
    // Not at once: what else the same packet of events brings is worked on together.
    this.#wakeUp ??= setImmediate(() => this.#start());
  }

  /** Adds the key after `ms`; an earlier time asked for before stays. */
  addAfter(key: string, ms: number): void {
    if (this.#options.signal.aborted) return;
    if (ms <= 0) {
      this.add(key);
      return;
    }
    const atMs = Date.now() + ms;
    const waiting = this.#timers.get(key);
    if (waiting !== undefined && waiting.atMs <= atMs) return;
    clearTimeout(waiting?.timer);
    const fire = () => {
      this.#timers.delete(key);
      this.add(key);
    };
    // Longer waits than timers can hold end early; the worker then asks again.
    this.#timers.set(key, { timer: setTimeout(fire, Math.min(ms, 2_000_000_000)), atMs });
  }

  /** Resolves when no key is waiting or being worked on; keys waiting for a time do not count. */
  idle(): Promise<void> {
    if (this.#ready.size === 0 && this.#running.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  #start(): void {
    this.#wakeUp = undefined;
    const { concurrency = 4, signal } = this.#options;
    if (signal.aborted) return;
    for (const key of this.#ready) {
      if (this.#running.size >= concurrency) return;
      if (this.#running.has(key)) continue;
      this.#ready.delete(key);
      this.#running.add(key);
      void this.#work(key);
    }
  }

  async #work(key: string): Promise<void> {
    const { work, signal, onError } = this.#options;
    try {
      const again = await work(key, signal);
      this.#failures.delete(key);
      if (again) this.addAfter(key, again.requeueAfterMs);
    } catch (error) {
      if (!(signal.aborted && isAborted(error))) this.#retry(key, error as Error, onError);
    }
    this.#running.delete(key);
    if (this.#ready.size > 0) this.#wakeUp ??= setImmediate(() => this.#start());
    else if (this.#running.size === 0) for (const resolve of this.#idle.splice(0)) resolve();
  }

  #retry(key: string, error: Error, onError: WorkQueueOptions['onError']): void {
    const failures = this.#failures.get(key) ?? 0;
    this.#failures.set(key, failures + 1);
    onError?.(error, key, failures + 1);
    this.addAfter(key, backoffMs(failures, this.#options.backoff ?? { baseMs: 5, maxMs: 30_000, jitter: 0 }));
  }

  #stop(): void {
    this.#ready.clear();
    for (const { timer } of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
    clearImmediate(this.#wakeUp);
    for (const resolve of this.#idle.splice(0)) resolve();
  }
}
