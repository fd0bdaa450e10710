import type { Calls } from './calls.ts';
import { KeptThread } from './kept-thread.ts';
import type { NodeCalls, NodeStart } from './messages.ts';
import type { PartLog } from './part-log.ts';
import type { NodePlan } from './plan-addresses.ts';
import type { FabricHost } from './plan-fabric.ts';
import { startThread, type Thread } from './thread.ts';

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
  readonly #options: NodeThreadOptions;
  readonly #kept: KeptThread<NodeCalls & Calls>;

  constructor(options: NodeThreadOptions) {
    const { plan, log, detach, onChange } = options;
    this.plan = plan;
    this.#options = options;
    this.#kept = new KeptThread({
      start: () => startThread({ name: plan.name, entry: 'node-worker', config: undefined, log: log.stream }),
      bringUp: (thread) => this.#bringUp(thread),
      onEnded: async () => {
        this.netns = undefined;
        onChange();
        await detach(plan.name);
      },
      onChange,
      log: (line) => log.trouble(line),
    });
  }

  get running(): boolean {
    return this.#kept.running;
  }

  get restarts(): number {
    return this.#kept.restarts;
  }

  /** Resolves when the node has been started for the first time; rejects when that failed. */
  get started(): Promise<void> {
    return this.#kept.started;
  }

  /** The current thread's calls; they fail while there is none. */
  get calls(): Thread<NodeCalls>['calls'] {
    return this.#kept.calls;
  }

  /** Ends the node's thread as a failure would: another one follows. */
  kill(): Promise<void> {
    return this.#kept.kill();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#kept[Symbol.asyncDispose]();
  }

  async #bringUp(thread: Thread<NodeCalls>): Promise<void> {
    const { attach, startInput, onChange } = this.#options;
    const { name, addresses, podCidrs } = this.plan;
    const netns = await thread.calls.call('openNamespace', undefined);
    await attach({ name, addresses, networks: podCidrs }, netns);
    this.netns = netns;
    onChange();
    await thread.calls.call('start', await startInput());
  }
}
