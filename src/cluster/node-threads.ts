import { setTimeout as delay } from 'node:timers/promises';
import type { Calls } from './calls.ts';
import type { NodeCalls, NodeStart } from './messages.ts';
import type { PartLog } from './part-log.ts';
import type { NodePlan } from './plan-addresses.ts';
import type { FabricHost } from './plan-fabric.ts';
import { startThread, type Thread } from './thread.ts';

/** A thread that lived for so long had a good start: the next one follows at once. */
const STABLE_MS = 10_000;
const FIRST_PAUSE_MS = 100;
const MAX_PAUSE_MS = 10_000;

export interface NodeThreadOptions {
  readonly plan: NodePlan;
  readonly log: PartLog;
  /** Resolves when the node can be started; asked again for each new thread. */
  readonly startInput: () => Promise<NodeStart>;
  /** Joins the node's namespace to the fabric. */
  readonly attach: (host: FabricHost, netns: number) => Promise<void>;
  readonly detach: (name: string) => Promise<void>;
  /** Told after each change of `netns` and `running`. */
  readonly onChange: () => void;
}

/** One node of the cluster: its thread, and another one whenever that has ended. */
export class NodeThread implements AsyncDisposable {
  readonly plan: NodePlan;
  /** The node's network namespace while it is joined to the fabric. */
  netns: number | undefined;
  running = false;
  restarts = 0;
  /** Resolves when the node has been started for the first time; rejects when that failed. */
  readonly started: Promise<void>;
  readonly #options: NodeThreadOptions;
  readonly #stop = new AbortController();
  #thread: Thread<NodeCalls>;

  constructor(options: NodeThreadOptions) {
    this.plan = options.plan;
    this.#options = options;
    this.#thread = this.#startThread();
    this.started = this.#bringUp(this.#thread);
    this.started.catch(() => undefined);
    void this.#keepRunning();
  }

  /** The current thread's calls; they fail while there is none. */
  get calls(): Thread<NodeCalls>['calls'] {
    return this.#thread.calls;
  }

  /** Ends the node's thread as a failure would: another one follows. */
  kill(): Promise<void> {
    return this.#thread.kill();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#thread[Symbol.asyncDispose]();
  }

  async #keepRunning(): Promise<void> {
    let pauseMs = FIRST_PAUSE_MS;
    for (;;) {
      const bornAt = performance.now();
      const reason = await this.#thread.ended;
      if (this.#stop.signal.aborted) return;
      this.#setDown();
      this.#options.log.line(`the node's thread ended (${reason?.message}): it is replaced`);
      await this.#options.detach(this.plan.name);
      pauseMs = performance.now() - bornAt > STABLE_MS ? FIRST_PAUSE_MS : Math.min(pauseMs * 2, MAX_PAUSE_MS);
      await delay(pauseMs, undefined, { signal: this.#stop.signal }).catch(() => undefined);
      if (this.#stop.signal.aborted) return;
      this.restarts += 1;
      this.#thread = this.#startThread();
      await this.#bringUp(this.#thread).catch((error: unknown) => {
        this.#options.log.line(`the node did not start: ${(error as Error).message}`);
        void this.#thread[Symbol.asyncDispose]();
      });
    }
  }

  #startThread(): Thread<NodeCalls> {
    const { plan, log } = this.#options;
    return startThread<undefined, NodeCalls & Calls>({
      name: plan.name,
      entry: 'node-worker',
      config: undefined,
      log: log.stream,
    });
  }

  async #bringUp(thread: Thread<NodeCalls>): Promise<void> {
    const { attach, startInput, onChange } = this.#options;
    const { name, addresses, podCidrs } = this.plan;
    const netns = await thread.calls.call('openNamespace', undefined);
    await attach({ name, addresses, networks: podCidrs }, netns);
    this.netns = netns;
    onChange();
    await thread.calls.call('start', await startInput());
    this.running = true;
    onChange();
  }

  #setDown(): void {
    this.netns = undefined;
    this.running = false;
    this.#options.onChange();
  }
}
