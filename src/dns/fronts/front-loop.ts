import { readSync } from 'node:fs';
import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import { AnswerCounts } from '#dns/answer-counts.ts';
import { closeFd, useLedger } from '#os/fd-ledger.ts';
import { waitReadableHere } from '#os/readable.ts';
import { CopiedTable, type CopyMemory } from './copied-table.ts';
import { FrontSocket } from './front-socket.ts';
import {
  ControlWord,
  type FromFront,
  type FrontData,
  type PeerQuery,
  packQueries,
  type ToFront,
} from './messages.ts';

/** Handed over and not taken yet: beyond, queries are dropped, as they are when a socket's buffer is full. */
export const MAX_WAITING = 4096;
/** Node waits for this thread when the process exits, so it must not sleep for long. */
const SLICE_MS = 500;

interface FrontServer {
  readonly copies: CopiedTable;
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
  readonly #memory: CopyMemory;
  readonly #servers = new Map<number, FrontServer>();
  readonly #sockets = new Map<number, { socket: FrontSocket; server: number; fd: number }>();
  readonly #counts = new Map<number, AnswerCounts>();
  #messages = 0;
  #ending = false;

  constructor(port: MessagePort, { ledger, marks, control, tallies, hits, wakeFd }: FrontData) {
    useLedger(ledger);
    this.#port = port;
    this.#wakeFd = wakeFd;
    this.#control = new Int32Array(control);
    this.#memory = {
      marks: new Int32Array(marks),
      tallies: new Float64Array(tallies),
      hits: new Float64Array(hits),
      counts: this.#counts,
    };
  }

  /** Goes on until it is told to end. */
  run(): void {
    this.#tell({ kind: 'ready' });
    while (!this.#ending) {
      this.#takeMessages();
      let busy = false;
      for (const { socket } of this.#sockets.values()) {
        if (!socket.serve()) continue;
        Atomics.add(this.#control, ControlWord.BATCHES, 1);
        busy = true;
      }
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
      case 'end':
        if (message.failing) throw new Error('told to fail');
        this.#ending = true;
        break;
      case 'copy':
        this.#servers.get(message.server)?.copies.take(message.copy);
    }
  }

  #open({ socket, server: number, fd, family, pinSource }: ToFront & { kind: 'open' }): void {
    let server = this.#servers.get(number);
    if (server === undefined)
      this.#servers.set(number, (server = { copies: new CopiedTable(this.#memory), sockets: new Set() }));
    server.sockets.add(socket);
    const handOver = (queries: readonly PeerQuery[]): void => this.#handOver(socket, queries);
    const served = new FrontSocket({ fd, family, pinSource, table: server.copies.table, handOver });
    this.#sockets.set(socket, { socket: served, server: number, fd });
  }

  #close(number: number): void {
    const open = this.#sockets.get(number);
    if (open === undefined) return;
    open.socket.drain();
    closeFd(open.fd);
    this.#sockets.delete(number);
    this.#tell({ kind: 'closed', socket: number });
    const server = this.#servers.get(open.server);
    server?.sockets.delete(number);
    if (server?.sockets.size === 0) this.#servers.delete(open.server);
  }

  #handOver(socket: number, queries: readonly PeerQuery[]): void {
    const handedOver = Atomics.load(this.#control, ControlWord.HANDED_OVER);
    const waiting = (handedOver - Atomics.load(this.#control, ControlWord.TAKEN)) | 0;
    if (waiting + queries.length > MAX_WAITING) {
      Atomics.add(this.#control, ControlWord.DROPPED, queries.length);
      return;
    }
    Atomics.store(this.#control, ControlWord.HANDED_OVER, (handedOver + queries.length) | 0);
    const packed = packQueries(queries);
    this.#tell({ kind: 'queries', socket, packed }, [packed.buffer]);
  }

  #tell(message: FromFront, transfer: ArrayBuffer[] = []): void {
    this.#port.postMessage(message, transfer);
  }
}
