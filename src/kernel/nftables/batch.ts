import { NetlinkWriter, NLM_F_ACK, NLM_F_REQUEST } from '#wire/netlink.ts';
import { beginNftMessage, encodeBatchBegin, encodeBatchEnd, NFPROTO } from '#wire/nftables.ts';
import { describeRefusal } from './describe.ts';
import { encodeOperation } from './encode.ts';
import { MAX_LIST_BYTES } from './encode-elements.ts';
import type { Operation, Transaction } from './transaction.ts';

/** Room for the messages that open and close a transaction. */
const MARKS_BYTES = 64;

/** Messages that go to the kernel together and take effect together. */
export interface BatchPart {
  /** Numbers of the first message and of the one behind the last. */
  readonly first: number;
  readonly next: number;
  /** The last one's acknowledgement says that all is done. */
  readonly lastSequence: number;
}

/** A transaction's messages, cut into parts that fit a socket. Message n has the sequence number n + 1. */
export class Batch {
  readonly #writer = new NetlinkWriter(64 * 1024);
  readonly #starts: number[] = [];
  readonly #operations: Operation[] = [];

  constructor(transaction: Transaction, maxBytes: number) {
    const listBytes = Math.min(MAX_LIST_BYTES, maxBytes - 1024);
    for (const operation of transaction.operations) {
      encodeOperation(
        this.#writer,
        operation,
        (message, flags, family) => {
          this.#operations.push(operation);
          const start = this.#writer.length;
          this.#starts.push(start);
          return beginNftMessage(
            this.#writer,
            message,
            NLM_F_REQUEST | flags,
            this.#starts.length,
            NFPROTO[family],
          );
        },
        listBytes,
      );
    }
  }

  /** How many bytes one part with everything in it has. */
  get size(): number {
    return this.#writer.length + MARKS_BYTES;
  }

  /** As few parts as possible of at most `maxBytes` each; a message that is larger still gets its own. */
  *parts(maxBytes: number): Generator<BatchPart> {
    let first = 0;
    while (first < this.#starts.length) {
      const from = this.#starts[first] ?? 0;
      let next = first + 1;
      while (next < this.#starts.length && this.#end(next) - from + MARKS_BYTES <= maxBytes) next++;
      yield { first, next, lastSequence: next };
      first = next;
    }
  }

  /** A part as it is sent; the kernel refuses it when the generation is given and not the current one. */
  bytesOf({ first, next }: BatchPart, generation?: number): Uint8Array {
    this.#writer.addFlags(this.#starts[next - 1] ?? 0, NLM_F_ACK);
    const messages = this.#writer.bytes().subarray(this.#starts[first], this.#end(next - 1));
    const part = new NetlinkWriter(messages.length + MARKS_BYTES);
    encodeBatchBegin(part, NLM_F_REQUEST, 0, generation);
    part.raw(messages);
    encodeBatchEnd(part, NLM_F_REQUEST, 0);
    return part.bytes();
  }

  /** In words, what the message with this sequence number asked for; the whole where there is none. */
  describe(sequence: number, offset: number | undefined): string {
    const operation = this.#operations[sequence - 1];
    if (operation === undefined) return 'commit transaction';
    const message = this.#writer.bytes().subarray(this.#starts[sequence - 1], this.#end(sequence - 1));
    return describeRefusal(operation, message, offset);
  }

  #end(index: number): number {
    return this.#starts[index + 1] ?? this.#writer.length;
  }
}
