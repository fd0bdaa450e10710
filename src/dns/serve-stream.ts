import type { Socket } from 'node:net';
import { HEADER_BYTES } from '#wire/dns-constants.ts';
import { DnsFrameReader, frameMessage } from '#wire/dns-tcp.ts';
import { laneOf } from './answer-counts.ts';
import type { StreamLimits } from './connections.ts';
import type { Client } from './handler.ts';
import type { QueryService, Response } from './transport.ts';

const MAX_MESSAGE_BYTES = 0xffff;
/** Answers that are written together. */
const MAX_QUEUED_BYTES = 0x10000;
/** A prepared answer is written here, behind room for its length. One for all: it is copied at once. */
const SCRATCH_BYTES = 2 + 0x4000;
let scratch: Buffer | undefined;

/**
 * Serves the queries of one connection: any number of them, without waiting for one answer before the next
 * query (RFC 7766 §6.2.1.1), each answered as soon as its answer is known.
 */
export class StreamConnection {
  readonly #socket: Socket;
  readonly #service: QueryService;
  readonly #client: Client;
  readonly #limits: StreamLimits;
  readonly #onQuery: () => void;
  readonly #lane: number;
  readonly #frames = new DnsFrameReader();
  /** Queries that have to wait for room, in the order that they came. */
  #waiting: Buffer[] = [];
  /** Answers not written yet. */
  #pieces: Buffer[] = [];
  #pieceBytes = 0;
  #unanswered = 0;
  #timer: NodeJS.Timeout;

  /** `onQuery` hears of every piece that a whole query ended in. */
  constructor(
    socket: Socket,
    service: QueryService,
    { client, limits, onQuery }: { client: Client; limits: StreamLimits; onQuery: () => void },
  ) {
    this.#socket = socket;
    this.#service = service;
    this.#client = client;
    this.#limits = limits;
    this.#onQuery = onQuery;
    this.#lane = laneOf(client.transport, client.family);
    this.#timer = this.#endIn(limits.readMs);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => clearTimeout(this.#timer));
    socket.on('drain', () => this.#resume());
    socket.on('data', (piece: Buffer) => this.#read(piece));
  }

  #read(piece: Buffer): void {
    const partial = this.#frames.hasPartial;
    const messages = this.#frames.push(piece);
    this.#waiting = this.#waiting.length === 0 ? messages : [...this.#waiting, ...messages];
    this.#work();
    if (messages.length > 0) {
      this.#onQuery();
      this.#service.asked?.();
    }
    if (this.#isFull()) return;
    // What began earlier and is not whole yet does not get more time by a few more bytes.
    if (messages.length > 0 || (!partial && this.#frames.hasPartial)) this.#await();
  }

  /** Answers what is waiting, as long as the client reads and not too much is unanswered. */
  #work(): void {
    const { length } = this.#waiting;
    let done = 0;
    for (; done < length && !this.#isFull(); done++) {
      const message = this.#waiting[done];
      // Whoever sends less than a header does not speak DNS.
      if (message === undefined || message.length < HEADER_BYTES) {
        this.#socket.destroy();
        return;
      }
      this.#answer(message);
      if (this.#pieceBytes > MAX_QUEUED_BYTES) this.#flush();
    }
    if (done > 0) this.#waiting = this.#waiting.slice(done);
    this.#flush();
    if (done > 0) this.#leave();
    if (this.#isFull()) this.#socket.pause();
  }

  #isFull(): boolean {
    const { destroyed, writableNeedDrain } = this.#socket;
    return destroyed || writableNeedDrain || this.#unanswered >= this.#limits.maxPipelined;
  }

  #answer(message: Buffer): void {
    if (this.#answerFromTable(message)) return;
    const response = this.#service.answer(message, this.#client);
    if (!(response instanceof Promise)) {
      this.#queue(response);
      return;
    }
    this.#unanswered++;
    void response.then((late) => {
      this.#unanswered--;
      this.#queue(late);
      this.#resume();
      this.#leave();
    });
  }

  /** Ends the connection of a server that goes where it breaks no query off: behind the answer to the last one. */
  #leave(): void {
    const isIdle = this.#unanswered === 0 && this.#waiting.length === 0 && !this.#frames.hasPartial;
    if (this.#service.leaving === true && isIdle) this.#socket.end();
  }

  #answerFromTable(message: Buffer): boolean {
    const { table } = this.#service;
    if (table === undefined || message.length > SCRATCH_BYTES - 2) return false;
    scratch ??= Buffer.allocUnsafeSlow(SCRATCH_BYTES);
    message.copy(scratch, 2);
    table.startBatch();
    const length = table.answer(scratch, 2, message.length, SCRATCH_BYTES - 2, this.#lane);
    if (length < 0) return false;
    scratch.writeUInt16BE(length, 0);
    this.#push(Buffer.from(scratch.subarray(0, 2 + length)));
    table.settle();
    return true;
  }

  #queue(response: Response): void {
    for (const message of Buffer.isBuffer(response) ? [response] : (response ?? [])) {
      if (message.length <= MAX_MESSAGE_BYTES) this.#push(frameMessage(message));
    }
  }

  #push(piece: Buffer): void {
    this.#pieces.push(piece);
    this.#pieceBytes += piece.length;
  }

  /** Writes all that is queued at once. A client that does not read has to begin soon. */
  #flush(): void {
    const [first] = this.#pieces;
    if (first === undefined || this.#socket.destroyed) return;
    const bytes = this.#pieces.length === 1 ? first : Buffer.concat(this.#pieces, this.#pieceBytes);
    this.#pieces = [];
    this.#pieceBytes = 0;
    if (!this.#socket.write(bytes)) this.#restart(this.#limits.writeMs);
  }

  #resume(): void {
    this.#work();
    if (this.#isFull()) return;
    this.#await();
    this.#socket.resume();
  }

  /** Gives the client its time for the rest of a query, or for the next. */
  #await(): void {
    this.#restart(this.#frames.hasPartial ? this.#limits.readMs : this.#limits.idleMs);
  }

  #restart(ms: number): void {
    clearTimeout(this.#timer);
    if (!this.#socket.destroyed) this.#timer = this.#endIn(ms);
  }

  #endIn(ms: number): NodeJS.Timeout {
    // Answers that take their time are waited for: those behind have time-outs of their own.
    return setTimeout(() => (this.#unanswered > 0 ? this.#restart(ms) : this.#socket.destroy()), ms);
  }
}
