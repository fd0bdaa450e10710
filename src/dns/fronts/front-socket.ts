import { laneOf } from '#dns/answer-counts.ts';
import type { AnswerTable } from '#dns/answer-table.ts';
import { turnAway } from '#os/socket.ts';
import { UdpBatch } from '#os/udp-batch.ts';
import type { PeerQuery } from './messages.ts';

export interface FrontSocketOptions {
  readonly fd: number;
  readonly family: 4 | 6;
  readonly pinSource: boolean;
  readonly table: AnswerTable;
  /** Gets the queries of a batch that the table has no answer to. */
  readonly handOver: (queries: readonly PeerQuery[]) => void;
}

/** One socket of a front: answers from a table, and hands over what is not in it. The descriptor is another's. */
export class FrontSocket {
  readonly #fd: number;
  readonly #table: AnswerTable;
  readonly #batch: UdpBatch;
  readonly #lane: number;
  readonly #handOver: (queries: readonly PeerQuery[]) => void;

  constructor({ fd, family, pinSource, table, handOver }: FrontSocketOptions) {
    this.#fd = fd;
    this.#batch = new UdpBatch(fd, { family, pinSource });
    this.#table = table;
    this.#lane = laneOf('udp', family);
    this.#handOver = handOver;
  }

  /** Hands over what has come in; nothing comes in any more. */
  drain(): void {
    turnAway(this.#fd);
    const batch = this.#batch;
    for (let count = batch.receive(); count > 0; count = batch.receive())
      this.#handOver(Array.from({ length: count }, (_, slot) => this.#query(slot)));
  }

  #query(slot: number): PeerQuery {
    const start = this.#batch.start(slot);
    const message = this.#batch.data.subarray(start, start + this.#batch.length(slot));
    return { message, peer: this.#batch.peer(slot) };
  }

  /** Answers a batch of what has come in, without waiting. Returns whether there was anything. */
  serve(): boolean {
    const batch = this.#batch;
    const count = batch.receive();
    if (count === 0) return false;
    this.#table.startBatch();
    let others: PeerQuery[] | undefined;
    for (let slot = 0; slot < count; slot++) {
      const start = batch.start(slot);
      const length = batch.length(slot);
      const answered = this.#table.answer(batch.data, start, length, batch.slotBytes, this.#lane);
      batch.answer(slot, Math.max(0, answered));
      if (answered > 0) continue;
      (others ??= []).push(this.#query(slot));
    }
    batch.send(count);
    this.#table.settle();
    if (others !== undefined) this.#handOver(others);
    return true;
  }
}
