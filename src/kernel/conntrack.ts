import { setImmediate as turn } from 'node:timers/promises';
import { ipFamily } from '#lib/ip.ts';
import { Errno } from '#os/libc.ts';
import { NETLINK_NETFILTER, NetlinkSocket } from '#os/netlink-socket.ts';
import {
  beginConntrack,
  CONNTRACK_DELETE,
  CONNTRACK_GET,
  CONNTRACK_NEW,
  decodeFlow,
  encodeFlowKey,
  type Flow,
} from '#wire/conntrack.ts';
import {
  decodeAck,
  decodeMessages,
  NetlinkWriter,
  NLM_F_ACK,
  NLM_F_DUMP,
  NLM_F_REQUEST,
  NLMSG_DONE,
  NLMSG_ERROR,
} from '#wire/netlink.ts';

const ENOENT = 2;
const RECEIVE_BUFFER_BYTES = 4 << 20;
/** So that all acknowledgements fit into a receive buffer that the system keeps small. */
const DELETED_AT_ONCE = 64;
/** Some milliseconds of work. */
const DELETED_IN_A_TURN = 512;

/** What a component needs of connection tracking. */
export interface ConntrackClient extends Disposable {
  /** Deletes the flows that `isStale` picks; returns how many there were. */
  deleteFlows(isStale: (flow: Flow) => boolean): number;
  /**
   * The same a few at a time, so that this thread gets to other things in between: one such call at once. `before` sees
   * those of each turn while they are there.
   */
  deleteFlowsInTurns(
    isStale: (flow: Flow) => boolean,
    before: (stale: readonly Flow[]) => void,
  ): Promise<number>;
}

/** The kernel's table of one network namespace, over netlink. Synchronous. */
export class Conntrack implements ConntrackClient {
  readonly #socket: NetlinkSocket;
  #sequence = 0;

  private constructor(socket: NetlinkSocket) {
    this.#socket = socket;
  }

  static open({ netns }: { netns?: number | undefined } = {}): Conntrack {
    const options = { netns, receiveBufferBytes: RECEIVE_BUFFER_BYTES };
    return new Conntrack(NetlinkSocket.open(NETLINK_NETFILTER, options));
  }

  /** Every flow with ports goes by once; only those picked are kept. */
  deleteFlows(isStale: (flow: Flow) => boolean): number {
    const stale: Flow[] = [];
    this.visit((flow) => {
      if (isStale(flow)) stale.push(flow);
    });
    let deleted = 0;
    for (let from = 0; from < stale.length; from += DELETED_AT_ONCE)
      deleted += this.#delete(stale.slice(from, from + DELETED_AT_ONCE));
    return deleted;
  }

  async deleteFlowsInTurns(
    isStale: (flow: Flow) => boolean,
    before: (stale: readonly Flow[]) => void,
  ): Promise<number> {
    const stale: Flow[] = [];
    for (const flows of this.#dump()) {
      stale.push(...flows.filter(isStale));
      await turn();
    }
    let deleted = 0;
    for (let from = 0; from < stale.length; from += DELETED_IN_A_TURN) {
      const flows = stale.slice(from, from + DELETED_IN_A_TURN);
      before(flows);
      for (let at = 0; at < flows.length; at += DELETED_AT_ONCE)
        deleted += this.#delete(flows.slice(at, at + DELETED_AT_ONCE));
      await turn();
    }
    return deleted;
  }

  visit(visitor: (flow: Flow) => void): void {
    for (const flows of this.#dump()) flows.forEach(visitor);
  }

  /** All flows with ports, as the kernel hands them over. */
  *#dump(): Generator<Flow[]> {
    const writer = new NetlinkWriter(64);
    const flags = NLM_F_REQUEST | NLM_F_DUMP;
    writer.endMessage(beginConntrack(writer, CONNTRACK_GET, flags, ++this.#sequence));
    this.#socket.send(writer.bytes());
    for (let datagram = this.#socket.receive(); datagram !== undefined; datagram = this.#socket.receive()) {
      const flows: Flow[] = [];
      let isDone = false;
      for (const message of decodeMessages(datagram)) {
        if (message.type === NLMSG_DONE) isDone = true;
        if (message.type === NLMSG_ERROR) throw new Errno('conntrack', decodeAck(message).errno, 'dump');
        const flow = message.type === CONNTRACK_NEW ? decodeFlow(message) : undefined;
        if (flow !== undefined) flows.push(flow);
      }
      yield flows;
      if (isDone) return;
    }
  }

  /** Returns how many there still were: some may have gone by themselves meanwhile. */
  #delete(flows: readonly Flow[]): number {
    const writer = new NetlinkWriter(128 * flows.length);
    const flags = NLM_F_REQUEST | NLM_F_ACK;
    for (const flow of flows) {
      const family = ipFamily(flow.original.source);
      const start = beginConntrack(writer, CONNTRACK_DELETE, flags, ++this.#sequence, family);
      encodeFlowKey(writer, flow);
      writer.endMessage(start);
    }
    this.#socket.send(writer.bytes());
    let deleted = 0;
    for (let datagram = this.#socket.receive(); datagram !== undefined; datagram = this.#socket.receive()) {
      for (const message of decodeMessages(datagram)) {
        if (message.type !== NLMSG_ERROR) continue;
        const { errno } = decodeAck(message);
        if (errno !== 0 && errno !== ENOENT) throw new Errno('conntrack', errno, 'delete');
        if (errno === 0) deleted++;
      }
    }
    return deleted;
  }

  [Symbol.dispose](): void {
    this.#socket[Symbol.dispose]();
  }
}
