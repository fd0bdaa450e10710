import type { AnswerTable } from '#dns/answer-table.ts';
import type { UdpShare } from '#dns/transport.ts';
import { Front, type FrontSocketPlan } from './front.ts';
import { Publisher } from './publisher.ts';

/** A server whose queries several threads are to take. */
export interface FrontedServer {
  readonly table: AnswerTable;
  /** One per address. */
  readonly shares: readonly UdpShare[];
  /** Per address, the listener's own among them. */
  readonly sockets: number;
}

export interface FrontsOptions {
  readonly log: (message: string) => void;
  /** A thread that ends sooner than this after its start is not started again. */
  readonly minLifeMs?: number | undefined;
}

/**
 * Threads that take queries over UDP beside the main thread: each has one more socket of every address, and answers
 * what it has a copy of. All else is asked, and all state kept, in the main thread.
 */
export class Fronts implements AsyncDisposable {
  readonly #options: FrontsOptions;
  /** Once made they stay, since they have counted; those not needed run no thread. */
  readonly #fronts = new Set<Front>();
  readonly #publisher = new Publisher(this.#fronts);

  constructor(options: FrontsOptions) {
    this.#options = options;
  }

  /** Those that run. */
  get running(): readonly Front[] {
    return [...this.#fronts].filter(({ running }) => running);
  }

  /** How often queries came by the threads' sockets, one or several at once. */
  get batches(): number {
    return [...this.#fronts].reduce((sum, { memory }) => sum + memory.batches, 0);
  }

  /** Queries that were dropped, since too many waited for the main thread. */
  get dropped(): number {
    return [...this.#fronts].reduce((sum, { memory }) => sum + memory.dropped, 0);
  }

  /** Starts as many threads as the servers need; resolves when they can answer. Rejects when one cannot be started. */
  async start(servers: readonly Pick<FrontedServer, 'sockets'>[]): Promise<void> {
    const wanted = Math.max(0, ...servers.map(({ sockets }) => sockets - 1));
    while (this.#fronts.size < wanted) this.#fronts.add(this.#newFront());
    const idle = [...this.#fronts].slice(0, wanted).filter(({ running }) => !running);
    await Promise.all(idle.map((front) => front.start()));
  }

  /**
   * Gives the threads sockets of these servers, and takes those of others away; threads without any end. Resolves
   * when what waited in closed sockets is answered. A socket that cannot be made is logged: the others serve.
   */
  async set(servers: readonly FrontedServer[]): Promise<void> {
    const changes = [...this.#fronts].map(async (front, index) => {
      const wanted = servers
        .filter(({ sockets }) => sockets - 1 > index)
        .flatMap(({ table, shares }) => shares.map((share) => ({ share, table })));
      if (wanted.length === 0) return front.stop();
      for (const plan of wanted) if (!isAmong(front.sockets, plan)) this.#open(front, plan);
      const gone = front.sockets.filter((open) => !isAmong(wanted, open));
      await Promise.all(gone.map((open) => front.close(open)));
    });
    await Promise.all(changes);
  }

  /** Adds what the threads have counted to the tallies of their answers: to be called before these are looked at. */
  collect(): void {
    this.#publisher.collect();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.set([]);
  }

  #newFront(): Front {
    return new Front({
      ...this.#options,
      number: this.#fronts.size + 1,
      marks: this.#publisher.marks.memory,
      onAnswered: (table, query, front) => this.#publisher.publish(table, query, front),
    });
  }

  #open(front: Front, plan: FrontSocketPlan): void {
    try {
      if (front.running) front.open(plan);
    } catch (error) {
      this.#options.log(`multisocket: one socket less: ${(error as Error).message}`);
    }
  }
}

function isAmong(plans: readonly FrontSocketPlan[], { share, table }: FrontSocketPlan): boolean {
  return plans.some((plan) => plan.share === share && plan.table === table);
}
