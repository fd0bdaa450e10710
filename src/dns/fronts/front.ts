import type { AnswerCounts } from '#dns/answer-counts.ts';
import type { AnswerTable } from '#dns/answer-table.ts';
import type { UdpShare } from '#dns/transport.ts';
import { closeFd, FdLedger, threadLedger } from '#os/fd-ledger.ts';
import { FrontMemory } from './front-memory.ts';
import { type FrontEnd, type FrontReport, type FrontThread, startFrontThread } from './front-thread.ts';
import type { Mark } from './marks.ts';
import { type Copy, type ToFront, unpackQueries } from './messages.ts';

/** A thread that ends sooner than this would do so again and again. */
const MIN_LIFE_MS = 10_000;

export interface FrontOptions {
  /** From 1 on, for messages. */
  readonly number: number;
  /** Of `Marks`. */
  readonly marks: SharedArrayBuffer;
  readonly log: (message: string) => void;
  /** Called with each query that came in by one of its sockets when it is answered by the listener. */
  readonly onAnswered: (table: AnswerTable, query: Buffer, front: Front) => void;
  readonly minLifeMs?: number | undefined;
}

/** One more socket of a listener, for one server's table. */
export interface FrontSocketPlan {
  readonly share: UdpShare;
  readonly table: AnswerTable;
}

interface OpenSocket extends FrontSocketPlan {
  readonly fd: number;
  closing: boolean;
  readonly closed: PromiseWithResolvers<void>;
}

/**
 * A thread with sockets of its own that answers from copies of tables; what it has no answer to, the listeners answer
 * that its sockets belong to. When it ends by a failure, another thread goes on with its sockets and what waits in
 * them. When that happens soon after the start, its sockets are closed: the system gives others its share.
 */
export class Front {
  /** What it counts; it goes on with the next thread. */
  readonly memory = new FrontMemory();
  readonly #options: FrontOptions;
  readonly #ledger = new FdLedger();
  readonly #sockets = new Map<number, OpenSocket>();
  readonly #servers = new Map<AnswerTable, number>();
  readonly #counts = new Map<AnswerCounts, ToFront & { kind: 'counts' }>();
  #thread: FrontThread | undefined;
  #numbers = 0;

  constructor(options: FrontOptions) {
    this.#options = options;
  }

  get running(): boolean {
    return this.#thread !== undefined;
  }

  /** Its sockets, but those being closed. */
  get sockets(): readonly FrontSocketPlan[] {
    return [...this.#sockets.values()].filter(({ closing }) => !closing);
  }

  /** Starts the thread. Resolves when it answers; rejects when it cannot be started. */
  async start(): Promise<void> {
    const { number, marks } = this.#options;
    this.memory.forgetCopies();
    const data = { ledger: this.#ledger.shared, marks, ...this.memory.shared };
    const thread = startFrontThread(number, data, (report) => this.#take(report));
    void thread.ended.then((end) => {
      if (this.#thread === thread) this.#lost(end);
    });
    this.#thread = thread;
    for (const counts of this.#counts.values()) this.#post(counts);
    for (const socket of this.#sockets.keys()) this.#postOpen(socket);
    await thread.ready;
  }

  /** Closes its sockets when what waits in them is answered, then ends the thread. */
  async stop(): Promise<void> {
    await Promise.all([...this.#sockets.values()].map((socket) => this.close(socket)));
    const thread = this.#thread;
    this.#postNow({ kind: 'end', failing: false });
    this.#thread = undefined;
    await thread?.ended;
  }

  /** Ends the thread as a failure would: to see what follows. */
  async kill(): Promise<void> {
    const thread = this.#thread;
    this.#postNow({ kind: 'end', failing: true });
    await thread?.ended;
  }

  /** Makes one more socket of a listener. Throws what the system says when there cannot be one. */
  open({ share, table }: FrontSocketPlan): void {
    const fd = share.open();
    threadLedger().forget(fd);
    this.#ledger.add(fd);
    const number = this.#numbers++;
    this.#sockets.set(number, { share, table, fd, closing: false, closed: Promise.withResolvers() });
    this.#postOpen(number);
  }

  /** Closes a listener's socket. Resolves when nothing comes in by it any more. */
  async close({ share }: FrontSocketPlan): Promise<void> {
    for (const [number, socket] of this.#sockets) {
      if (socket.share !== share) continue;
      socket.closing = true;
      this.#postNow({ kind: 'close', socket: number });
      await socket.closed.promise;
    }
  }

  /** Takes a copy of what a table that it answers from holds, unless it was given it before. */
  copy(table: AnswerTable, mark: Mark, make: () => Copy): void {
    const server = this.#servers.get(table);
    if (server === undefined || !this.running || this.memory.remembers(mark)) return;
    const copy = make();
    this.memory.rememberCopy(mark);
    this.#post({ kind: 'copy', server, copy });
  }

  /** From now on it can count where the main thread counts with these; `countedAt` is how copies tell so. */
  shareCounts(counts: AnswerCounts, countedAt: number): void {
    if (this.#counts.has(counts)) return;
    const message = { kind: 'counts', countedAt, memory: counts.addPart() } as const;
    this.#counts.set(counts, message);
    this.#post(message);
  }

  #postOpen(number: number): void {
    const socket = this.#sockets.get(number);
    if (socket === undefined) return;
    const { share, table, fd } = socket;
    let server = this.#servers.get(table);
    if (server === undefined) this.#servers.set(table, (server = this.#numbers++));
    const { family, pinSource } = share;
    this.#postNow({ kind: 'open', socket: number, server, fd, family, pinSource });
  }

  #take(report: FrontReport): void {
    const socket = this.#sockets.get(report.socket);
    if (report.kind === 'closed') return this.#forget(report.socket);
    for (const { message, peer } of unpackQueries(report.packed)) {
      this.memory.countTaken();
      socket?.share.answer(message, peer, () => this.#options.onAnswered(socket.table, message, this));
    }
  }

  /** The thread has ended without being asked to. */
  #lost({ reason, livedMs }: FrontEnd): void {
    const { number, log, minLifeMs = MIN_LIFE_MS } = this.#options;
    this.#thread = undefined;
    for (const [socket, { closing }] of this.#sockets) if (closing) this.#abandon(socket);
    if (livedMs !== undefined && livedMs >= minLifeMs) {
      log(`multisocket: thread ${number} ended (${reason}); another one goes on with its queries`);
      this.start().catch((error: Error) => {
        log(error.message);
        if (!this.running) this.#abandonAll();
      });
      return;
    }
    this.#abandonAll();
    if (livedMs !== undefined)
      log(
        `multisocket: thread ${number} ended soon after its start (${reason}); its sockets are closed, ` +
          'and the others take its queries until the next reload',
      );
  }

  #abandonAll(): void {
    for (const socket of this.#sockets.keys()) this.#abandon(socket);
  }

  /** Closes a socket whose thread has ended, unless the thread has done so. */
  #abandon(number: number): void {
    const fd = this.#sockets.get(number)?.fd ?? -1;
    if (this.#ledger.has(fd)) {
      this.#ledger.forget(fd);
      closeFd(fd);
    }
    this.#forget(number);
  }

  #forget(number: number): void {
    const socket = this.#sockets.get(number);
    if (socket === undefined) return;
    this.#sockets.delete(number);
    socket.closed.resolve();
    if (!this.sockets.some(({ table }) => table === socket.table)) this.#servers.delete(socket.table);
  }

  #post(message: ToFront): void {
    this.#thread?.post(message);
  }

  #postNow(message: ToFront): void {
    this.#post(message);
    this.#thread?.wake();
  }
}
