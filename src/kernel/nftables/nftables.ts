import { NETLINK_NETFILTER, NetlinkSocket } from '#os/netlink-socket.ts';
import {
  type Attributes,
  decodeAck,
  decodeMessages,
  type NetlinkMessage,
  NetlinkWriter,
  NLM_F_ACK,
  NLM_F_DUMP,
  NLM_F_DUMP_INTR,
  NLM_F_REQUEST,
  NLMSG_DONE,
  NLMSG_ERROR,
} from '#wire/netlink.ts';
import { decodeFields, encodeFields, type Schema, type Values } from '#wire/netlink-schema.ts';
import {
  beginNftMessage,
  decodeNftMessage,
  ELEMENT_FILTER,
  GENERATION,
  NFPROTO,
  NFT_MSG,
  NFT_OBJECT_COUNTER,
  nftMessageType,
  OBJECT,
  RULE,
  SET,
  TABLE,
} from '#wire/nftables.ts';
import { Batch } from './batch.ts';
import type { ListedElement, ListedRule, NftablesClient, RunOptions } from './client.ts';
import { NftablesError } from './error.ts';
import { type Chain, type Family, type NftMap, type NftSet, objectName, type Table } from './objects.ts';
import { readChain, readCounter, readRule, readSet, readTable } from './read.ts';
import { distinct, joinRanges, type RawElement, readElements } from './read-elements.ts';
import type { Transaction } from './transaction.ts';

const ENOENT = 2;
const ERESTART = 85;
const EMSGSIZE = 90;
/** What a root user's transaction may have; others get what net.core.wmem_max allows. */
const SEND_BUFFER_BYTES = 64 * 1024 * 1024;
const RECEIVE_BUFFER_BYTES = 1024 * 1024;
const MAX_DUMPS = 10;

export interface NftablesOptions {
  /** Descriptor of the network namespace to work on; this thread's own by default. */
  netns?: number | undefined;
  /** The most that one message to the kernel may have; by default as much as it takes. */
  maxSendBytes?: number | undefined;
}

/** The kernel's nf_tables of one network namespace, over netlink. All synchronous. */
export class Nftables implements NftablesClient {
  readonly #socket: NetlinkSocket;
  readonly #maxSendBytes: number;

  private constructor(socket: NetlinkSocket, maxSendBytes: number) {
    this.#socket = socket;
    this.#maxSendBytes = maxSendBytes;
  }

  static open({ netns, maxSendBytes = Number.POSITIVE_INFINITY }: NftablesOptions = {}): Nftables {
    const socket = NetlinkSocket.open(NETLINK_NETFILTER, {
      netns,
      sendBufferBytes: SEND_BUFFER_BYTES,
      receiveBufferBytes: RECEIVE_BUFFER_BYTES,
    });
    return new Nftables(socket, Math.min(socket.maxSendBytes, maxSendBytes));
  }

  run(transaction: Transaction, { atomic = false, generation }: RunOptions = {}): number {
    if (transaction.isEmpty) return 0;
    const batch = new Batch(transaction, this.#maxSendBytes);
    if (atomic && batch.size > this.#maxSendBytes) {
      const limit = `at most ${this.#maxSendBytes} fit (net.core.wmem_max)`;
      throw new NftablesError(`transaction of ${batch.size} bytes`, EMSGSIZE, limit);
    }
    let parts = 0;
    let expected = generation;
    for (const part of batch.parts(this.#maxSendBytes)) {
      this.#socket.send(batch.bytesOf(part, expected));
      this.#checkAcknowledged(batch, part.lastSequence);
      // Later parts follow our own change, which has made the number another.
      if (expected !== undefined) expected = this.generation();
      parts++;
    }
    return parts;
  }

  generation(): number {
    const ids: number[] = [];
    this.#ask({ get: NFT_MSG.GETGEN, schema: GENERATION, filter: {}, flags: NLM_F_ACK }, (message) => {
      ids.push(decodeFields(GENERATION, decodeNftMessage(message).attributes).id ?? 0);
    });
    return ids[0] ?? 0;
  }

  tables(): Table[] {
    return this.#dump(
      { get: NFT_MSG.GETTABLE, answer: NFT_MSG.NEWTABLE, schema: TABLE, filter: {} },
      readTable,
    );
  }

  chains(table: Table): Chain[] {
    const { family } = table;
    const request = { get: NFT_MSG.GETCHAIN, answer: NFT_MSG.NEWCHAIN, family, schema: TABLE, filter: {} };
    return this.#dump(request, (attributes) => readChain(table, attributes));
  }

  sets(table: Table): Array<NftSet | NftMap> {
    const { family, name } = table;
    const request = {
      get: NFT_MSG.GETSET,
      answer: NFT_MSG.NEWSET,
      family,
      schema: SET,
      filter: { table: name },
    };
    return this.#dump(request, (attributes) => readSet(table, attributes));
  }

  rules(table: Table, chain?: string): ListedRule[] {
    const { family, name } = table;
    const filter = { table: name, chain };
    const request = { get: NFT_MSG.GETRULE, answer: NFT_MSG.NEWRULE, family, schema: RULE, filter };
    return this.#dump(request, (attributes) => readRule(table, attributes, chain));
  }

  elements(set: NftSet | NftMap): ListedElement[] {
    let before: number | undefined;
    for (let attempt = 0; attempt < MAX_DUMPS; attempt++) {
      const raw = this.#dumpElements(set);
      // After a large load the kernel regrows the set's hash table for some milliseconds, and a listing
      // meanwhile leaves elements out. Trees (ranges) have no such phase.
      if (set.interval === true || raw.length === before || raw.length === this.#count(set)) {
        return joinRanges(set, raw);
      }
      before = raw.length;
      sleep(2 ** attempt);
    }
    throw new Error(
      `the elements of ${objectName(set)} changed during each of ${MAX_DUMPS} attempts to read them`,
    );
  }

  counters(table: Table): Map<string, { packets: bigint; bytes: bigint }> {
    const { family, name } = table;
    const filter = { table: name, type: NFT_OBJECT_COUNTER };
    const request = { get: NFT_MSG.GETOBJ, answer: NFT_MSG.NEWOBJ, family, schema: OBJECT, filter };
    return new Map(this.#dump(request, (attributes) => readCounter(table, attributes)));
  }

  [Symbol.dispose](): void {
    this.#socket[Symbol.dispose]();
  }

  #checkAcknowledged(batch: Batch, lastSequence: number): void {
    let acknowledged = false;
    let refusal: NftablesError | undefined;
    for (const message of this.#replies()) {
      if (message.type !== NLMSG_ERROR) continue;
      const { errno, sequence, offset, explanation } = decodeAck(message);
      const why = errno === ERESTART ? 'the ruleset has been changed by somebody else' : explanation;
      if (errno !== 0) refusal ??= new NftablesError(batch.describe(sequence, offset), errno, why);
      else if (sequence === lastSequence) acknowledged = true;
    }
    if (refusal !== undefined) throw refusal;
    if (!acknowledged) throw new Error('the kernel did not acknowledge the nf_tables transaction');
  }

  #dumpElements(set: NftSet | NftMap): RawElement[] {
    const { table, name } = set;
    const request = {
      get: NFT_MSG.GETSETELEM,
      answer: NFT_MSG.NEWSETELEM,
      family: table.family,
      schema: ELEMENT_FILTER,
      filter: { table: table.name, set: name },
      about: objectName(set),
    };
    return distinct(this.#dump(request, (attributes) => readElements(set, attributes)).flat());
  }

  /** How many elements the kernel says there are; undefined before Linux 6.16. */
  #count({ table: { family, name: table }, name }: NftSet | NftMap): number | undefined {
    let count: number | undefined;
    this.#ask(
      { get: NFT_MSG.GETSET, family, schema: SET, filter: { table, name }, flags: NLM_F_ACK },
      (message) => {
        ({ count } = decodeFields(SET, decodeNftMessage(message).attributes));
      },
    );
    return count;
  }

  /** Reads all objects of a kind, again when others change them meanwhile. */
  #dump<S extends Schema, T>(
    request: Omit<Request<S>, 'flags'> & { answer: number },
    read: (attributes: Attributes, family: number) => T | undefined,
  ): T[] {
    for (let attempt = 0; attempt < MAX_DUMPS; attempt++) {
      const objects: T[] = [];
      let interrupted = false;
      this.#ask({ ...request, flags: NLM_F_DUMP }, (message) => {
        if ((message.flags & NLM_F_DUMP_INTR) !== 0) interrupted = true;
        if (nftMessageType(message) !== request.answer) return;
        const { family, attributes } = decodeNftMessage(message);
        const object = read(attributes, family);
        if (object !== undefined) objects.push(object);
      });
      if (!interrupted) return objects;
    }
    throw new Error(`nf_tables changed during each of ${MAX_DUMPS} attempts to read it`);
  }

  /** Messages given to `onMessage` lie in memory that is overwritten when it returns. */
  #ask<S extends Schema>(request: Request<S>, onMessage: (message: NetlinkMessage) => void): void {
    const { get, family, schema, filter, flags, about } = request;
    const writer = new NetlinkWriter(256);
    const start = beginNftMessage(
      writer,
      get,
      NLM_F_REQUEST | flags,
      1,
      family === undefined ? 0 : NFPROTO[family],
    );
    encodeFields(writer, schema, filter);
    writer.endMessage(start);
    this.#socket.send(writer.bytes());
    for (const message of this.#replies()) {
      if (message.type !== NLMSG_ERROR && message.type !== NLMSG_DONE) {
        onMessage(message);
        continue;
      }
      const { errno } = decodeAck(message);
      // A table that is not there has no chains; a set that is not there is a caller's mistake.
      if (errno === 0 || (errno === ENOENT && about === undefined)) continue;
      throw new NftablesError(`list ${about ?? 'ruleset'}`, errno);
    }
  }

  /** Everything the kernel has to say to the last request. */
  *#replies(): Generator<NetlinkMessage> {
    for (let datagram = this.#socket.receive(); datagram !== undefined; datagram = this.#socket.receive()) {
      yield* decodeMessages(datagram);
    }
  }
}

/** Holds this thread up: reading is synchronous, and waiting a rare exception. */
function sleep(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

/** A question to the kernel: fields of a schema that narrow it down. */
interface Request<S extends Schema> {
  get: number;
  family?: Family | undefined;
  schema: S;
  filter: Values<S>;
  flags: number;
  /** What must exist. */
  about?: string | undefined;
}
