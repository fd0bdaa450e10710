import { readSync } from 'node:fs';
import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import { AnswerCounts } from '#dns/answer-counts.ts';
import { AnswerTable } from '#dns/answer-table.ts';
import type { TableEntry } from '#dns/kept-answer.ts';
import { closeFd, useLedger } from '#os/fd-ledger.ts';
import { waitReadableHere } from '#os/readable.ts';
import { CopiedPreparedAnswer, SharedTally, tableAnswerOf } from './copied-answer.ts';
import { FrontSocket } from './front-socket.ts';
import {
  ControlWord,
  type CopiedAnswer,
  type FromFront,
  type FrontData,
  type PeerQuery,
  packQueries,
  type ToFront,
} from './messages.ts';

/** Handed over and not taken yet: beyond, queries are dropped, as they are when a socket's buffer is full. */
const MAX_WAITING = 4096;
/** Taken from a socket before it is closed: more than its buffer holds. */
const MAX_LAST_BATCHES = 256;
/** Node waits for this thread when the process exits, so it must not sleep for long. */
const SLICE_MS = 500;

interface FrontServer {
  readonly table: AnswerTable;
  readonly sockets: Set<number>;
}

/**
 * A thread that answers queries from copies of what the main thread's tables hold, and hands all others over. It has
 * nothing else to do, so it waits for its sockets itself, without an event loop.
 */
export class FrontLoop {
  readonly #port: MessagePort;
  readonly #wakeFd: number;
  readonly #control: Int32Array;
  readonly #marks: Int32Array;
  readonly #tallies: Float64Array;
  readonly #hits: Float64Array;
  readonly #servers = new Map<number, FrontServer>();
  readonly #sockets = new Map<number, { socket: FrontSocket; server: number; fd: number }>();
  readonly #counts = new Map<number, AnswerCounts>();
  /** What was copied last under each slot of the marks. */
  readonly #copies = new Map<number, { readonly table: AnswerTable; readonly entry: TableEntry }>();
  #messages = 0;

  constructor(port: MessagePort, { ledger, marks, control, tallies, hits, wakeFd }: FrontData) {
    useLedger(ledger);
    this.#port = port;
    this.#wakeFd = wakeFd;
    this.#control = new Int32Array(control);
    this.#marks = new Int32Array(marks);
    this.#tallies = new Float64Array(tallies);
    this.#hits = new Float64Array(hits);
  }

  /** Goes on until the thread is terminated. */
  run(): never {
    this.#tell({ kind: 'ready' });
    for (;;) {
      this.#takeMessages();
      let busy = false;
      for (const { socket } of this.#sockets.values()) busy = socket.serve() || busy;
      if (!busy) this.#wait();
    }
  }

  #wait(): void {
    const fds = [this.#wakeFd, ...Array.from(this.#sockets.values(), ({ fd }) => fd)];
    if (waitReadableHere(fds, SLICE_MS).includes(this.#wakeFd)) readSync(this.#wakeFd, new Uint8Array(64));
  }

  #takeMessages(): void {
    while (Atomics.load(this.#control, ControlWord.POSTED) !== this.#messages) {
      const received: { readonly message: ToFront } | undefined = receiveMessageOnPort(this.#port);
      if (received === undefined) return;
      this.#messages = (this.#messages + 1) | 0;
      this.#take(received.message);
    }
  }

  #take(message: ToFront): void {
    switch (message.kind) {
      case 'open':
        this.#open(message);
        break;
      case 'close':
        this.#close(message.socket);
        break;
      case 'counts':
        this.#counts.set(message.countedAt, new AnswerCounts(message.memory));
        break;
      case 'answer':
        this.#keep(message.server, message.answer);
        break;
    }
  }

  #open({ socket, server: number, fd, family, pinSource }: ToFront & { kind: 'open' }): void {
    let server = this.#servers.get(number);
    if (server === undefined)
      this.#servers.set(number, (server = { table: new AnswerTable(), sockets: new Set() }));
    server.sockets.add(socket);
    const handOver = (queries: readonly PeerQuery[]): void => this.#handOver(socket, queries);
    const served = new FrontSocket({ fd, family, pinSource, table: server.table, handOver });
    this.#sockets.set(socket, { socket: served, server: number, fd });
  }

  #close(number: number): void {
    const open = this.#sockets.get(number);
    if (open === undefined) return;
    for (let batch = 0; batch < MAX_LAST_BATCHES && open.socket.serve(); batch++);
    // At once, so that as little as possible comes in behind the last batch.
    closeFd(open.fd);
    this.#sockets.delete(number);
    this.#tell({ kind: 'closed', socket: number });
    const server = this.#servers.get(open.server);
    server?.sockets.delete(number);
    if (server === undefined || server.sockets.size > 0) return;
    this.#servers.delete(open.server);
    for (const [slot, { table }] of this.#copies) if (table === server.table) this.#copies.delete(slot);
  }

  #keep(number: number, answer: CopiedAnswer): void {
    const { slot, name, type } = answer;
    const old = this.#copies.get(slot);
    if (old !== undefined) old.table.delete(old.entry);
    this.#copies.delete(slot);
    const table = this.#servers.get(number)?.table;
    const counts = this.#counts.get(answer.countedAt);
    const prepared = new CopiedPreparedAnswer(answer, this.#marks);
    if (table === undefined || counts === undefined || prepared.stale) return;
    const tallies = answer.tallies.map((index) => new SharedTally(this.#tallies, index));
    tallies.push(new SharedTally(this.#hits, slot));
    const entry = table.put({ name, type }, tableAnswerOf(answer, prepared, counts, tallies));
    if (entry !== undefined) this.#copies.set(slot, { table, entry });
  }

  #handOver(socket: number, queries: readonly PeerQuery[]): void {
    const handedOver = Atomics.load(this.#control, ControlWord.HANDED_OVER);
    const waiting = (handedOver - Atomics.load(this.#control, ControlWord.TAKEN)) | 0;
    if (waiting + queries.length > MAX_WAITING) return;
    Atomics.store(this.#control, ControlWord.HANDED_OVER, (handedOver + queries.length) | 0);
    const packed = packQueries(queries);
    this.#tell({ kind: 'queries', socket, packed }, [packed.buffer]);
  }

  #tell(message: FromFront, transfer: ArrayBuffer[] = []): void {
    this.#port.postMessage(message, transfer);
  }
}
