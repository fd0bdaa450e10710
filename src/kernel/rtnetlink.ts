import { Errno } from '#os/libc.ts';
import { NETLINK_ROUTE, NetlinkSocket } from '#os/netlink-socket.ts';
import {
  decodeAck,
  decodeMessages,
  type NetlinkMessage,
  NetlinkWriter,
  NLM_F_ACK,
  NLM_F_DUMP_INTR,
  NLMSG_DONE,
  NLMSG_ERROR,
} from '#wire/netlink.ts';
import { decodeObject, encodeDump, encodeGetLink, encodeRequest } from '#wire/rtnetlink.ts';
import type {
  Address,
  Link,
  LinkRef,
  Neighbour,
  Route,
  RtnetlinkRequest,
  Rule,
} from '#wire/rtnetlink-types.ts';
import { RtnetlinkClient } from './rtnetlink-client.ts';
import { RtnetlinkError } from './rtnetlink-error.ts';

export type * from '#wire/rtnetlink-types.ts';
export { RtnetlinkClient } from './rtnetlink-client.ts';
export { describeRequest } from './rtnetlink-describe.ts';
export { RtnetlinkError } from './rtnetlink-error.ts';

const ENODEV = 19;
/** Keeps a batch below the smallest send buffer that a system is likely to have. */
const MAX_BATCH_BYTES = 32 * 1024;
/** A dump is repeated this often when others change what is being read. */
const MAX_DUMPS = 10;

/** The kernel's links, addresses, routes, rules and neighbours of one network namespace. All synchronous. */
export class Rtnetlink extends RtnetlinkClient {
  readonly #socket: NetlinkSocket;
  readonly #writer = new NetlinkWriter();
  #sequence = 0;

  private constructor(socket: NetlinkSocket) {
    super();
    this.#socket = socket;
  }

  /** `netns`: descriptor of the namespace to work on; the one this thread is in by default. */
  static open({ netns }: { netns?: number | undefined } = {}): Rtnetlink {
    return new Rtnetlink(NetlinkSocket.open(NETLINK_ROUTE, { netns }));
  }

  run(requests: readonly RtnetlinkRequest[]): void {
    const batch = new Batch();
    this.#writer.truncate(0);
    for (const request of requests) {
      if (this.#writer.length > MAX_BATCH_BYTES) this.#flush(batch);
      const indexOf = (link: LinkRef): number => this.#indexOf(link, batch, request);
      // The body goes in after its links are known: a look-up sends what is pending and starts afresh.
      for (const link of linksOf(request)) indexOf(link);
      batch.add(++this.#sequence, request, encodeRequest(this.#writer, request, this.#sequence, indexOf));
    }
    this.#flush(batch);
    batch.throwFirstFailure();
  }

  links(): Link[] {
    return this.#dump('link');
  }

  link(link: LinkRef): Link | undefined {
    const writer = new NetlinkWriter(64);
    encodeGetLink(writer, link, ++this.#sequence);
    this.#socket.send(writer.bytes());
    let found: Link | undefined;
    for (const message of this.#replies()) {
      if (message.type === NLMSG_ERROR) {
        const { errno } = decodeAck(message);
        if (errno !== 0 && errno !== ENODEV) throw new Errno('get link', errno, String(link));
      } else found = decodeObject('link', message);
    }
    return found;
  }

  addresses(family?: 4 | 6): Address[] {
    return this.#dump('address', family);
  }

  routes(family?: 4 | 6): Route[] {
    return this.#dump('route', family);
  }

  rules(family: 4 | 6): Rule[] {
    return this.#dump('rule', family);
  }

  neighbours(family?: 4 | 6): Neighbour[] {
    return this.#dump('neighbour', family);
  }

  [Symbol.dispose](): void {
    this.#socket[Symbol.dispose]();
  }

  #indexOf(link: LinkRef, batch: Batch, request: RtnetlinkRequest): number {
    if (typeof link === 'number') return link;
    const known = batch.indexes.get(link);
    if (known !== undefined) return known;
    this.#flush(batch);
    const index = this.link(link)?.index;
    if (index === undefined)
      throw new RtnetlinkError(request, ENODEV, { explanation: `there is no link ${link}` });
    batch.indexes.set(link, index);
    return index;
  }

  /** Sends what is pending. Only the last request asks for an acknowledgement; errors come unasked. */
  #flush(batch: Batch): void {
    if (this.#writer.length === 0) return;
    this.#writer.addFlags(batch.lastStart, NLM_F_ACK);
    this.#socket.send(this.#writer.bytes());
    this.#writer.truncate(0);
    let acknowledged = false;
    for (const message of this.#replies()) {
      if (message.type !== NLMSG_ERROR) continue;
      batch.answer(decodeAck(message));
      if (message.sequence === this.#sequence) acknowledged = true;
    }
    if (!acknowledged) throw new Error('the kernel did not acknowledge the last rtnetlink request');
  }

  #dump<K extends Parameters<typeof decodeObject>[0]>(
    kind: K,
    family?: 4 | 6,
  ): Array<NonNullable<ReturnType<typeof decodeObject<K>>>> {
    for (let attempt = 0; attempt < MAX_DUMPS; attempt++) {
      const objects: Array<NonNullable<ReturnType<typeof decodeObject<K>>>> = [];
      const writer = new NetlinkWriter(64);
      encodeDump(writer, kind, ++this.#sequence, family);
      this.#socket.send(writer.bytes());
      let interrupted = false;
      for (const message of this.#replies()) {
        if ((message.flags & NLM_F_DUMP_INTR) !== 0) interrupted = true;
        if (message.type === NLMSG_ERROR || message.type === NLMSG_DONE) {
          const { errno } = decodeAck(message);
          if (errno !== 0) throw new Errno(`list ${kind}s`, errno);
        } else {
          const object = decodeObject(kind, message);
          if (object !== undefined) objects.push(object);
        }
      }
      if (!interrupted) return objects;
    }
    throw new Error(`the list of ${kind}s changed during each of ${MAX_DUMPS} attempts to read it`);
  }

  /** Everything the kernel has to say to the last request. */
  *#replies(): Generator<NetlinkMessage> {
    for (let datagram = this.#socket.receive(); datagram !== undefined; datagram = this.#socket.receive()) {
      yield* decodeMessages(datagram);
    }
  }
}

/** What one `run()` has sent and heard. */
class Batch {
  /** Interface indexes by name: looked up, or given to a link that this batch makes. */
  readonly indexes = new Map<string, number>();
  /** Where in the buffer the last message starts. */
  lastStart = 0;
  readonly #requests = new Map<number, RtnetlinkRequest>();
  #failure: { request: RtnetlinkRequest; errno: number; explanation: string | undefined } | undefined;
  #failed = 0;

  add(sequence: number, request: RtnetlinkRequest, start: number): void {
    this.#requests.set(sequence, request);
    this.lastStart = start;
    if (request.do === 'createVeth' || request.do === 'createLink') this.#learn(request);
    if (request.do === 'createVeth' && request.peer.netns === undefined) this.#learn(request.peer);
    if (request.do === 'setLink' && (request.name !== undefined || request.netns !== undefined))
      this.indexes.clear();
    if (request.do === 'deleteLink') this.indexes.clear();
  }

  answer(ack: { errno: number; sequence: number; explanation?: string | undefined }): void {
    const request = this.#requests.get(ack.sequence);
    if (ack.errno === 0 || request === undefined) return;
    this.#failed++;
    this.#failure ??= { request, errno: ack.errno, explanation: ack.explanation };
  }

  throwFirstFailure(): void {
    if (this.#failure === undefined) return;
    const { request, errno, explanation } = this.#failure;
    throw new RtnetlinkError(request, errno, { explanation: explanation ?? '', failed: this.#failed });
  }

  #learn({ name, index }: { name: string; index?: number | undefined }): void {
    if (index !== undefined) this.indexes.set(name, index);
  }
}

function linksOf(request: RtnetlinkRequest): LinkRef[] {
  const links: LinkRef[] = [];
  if ('link' in request && request.link !== undefined) links.push(request.link);
  if ('nexthops' in request)
    for (const { link } of request.nexthops ?? []) if (link !== undefined) links.push(link);
  if ('master' in request && request.master !== undefined && request.master !== null)
    links.push(request.master);
  return links;
}
