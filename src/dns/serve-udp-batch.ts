import { networkInterfaces } from 'node:os';
import { ipFamily, isLinkLocalIp, isUnspecifiedIp } from '#lib/ip.ts';
import { inheritedSocket } from '#os/inherited-sockets.ts';
import { bindUdp, localAddress, sharePort } from '#os/socket.ts';
import { askedAddress, growSocketBuffers, peerAddress, UdpBatch, type UdpPeer } from '#os/udp-batch.ts';
import { watchByPolling, watchByReading } from '#os/udp-ready.ts';
import { laneOf } from './answer-counts.ts';
import type { ListenAddress } from './config.ts';
import type { Client } from './handler.ts';
import type { Listener, ListenOptions, QueryService, Response } from './transport.ts';

const SOCKET_BUFFER_BYTES = 4 << 20;
/** The event loop may read 32 datagrams in a row, each with a batch behind it: then all else gets its turn. */
const SLOTS = 32;

/**
 * Serves DNS over one UDP socket with many datagrams per system call. Node's event loop tells that there is
 * something to read by reading one datagram; those behind it are taken in a batch. So a lone query costs
 * what it costs with `node:dgram`, and the more there are at once, the less each costs.
 */
export async function serveUdpBatch(
  listen: ListenAddress,
  service: QueryService,
  { reusePort = false }: ListenOptions = {},
): Promise<Listener> {
  const family = ipFamily(listen.address);
  const inherited = inheritedSocket('udp', listen);
  const fd = inherited ?? bindUdp({ address: listen.address, port: listen.port, reusePort });
  growSocketBuffers(fd, SOCKET_BUFFER_BYTES);
  const local = { address: listen.address, port: localAddress(fd).port };
  const pinSource = isUnspecifiedIp(listen.address) && hasSeveralAddresses(family);
  const batch = new UdpBatch(fd, { family, slots: SLOTS, pinSource });
  const server = new BatchServer(batch, service, family, local);
  const watch =
    inherited !== undefined
      ? watchByPolling(fd, server.servePeeking(new UdpBatch(fd, { family, slots: SLOTS, pinSource })))
      : pinSource
        ? watchByPolling(fd, () => server.serve(batch.receive()))
        : await watchByReading(fd, family, (message, peer) => {
            if (batch.put(0, message, peer)) server.serve(batch.receive(1));
          });
  return {
    address: local,
    share: {
      family,
      pinSource,
      open() {
        // The first one has the port to itself until it is to be shared.
        sharePort(fd);
        const another = bindUdp({ ...local, reusePort: true });
        growSocketBuffers(another, SOCKET_BUFFER_BYTES);
        return another;
      },
      answer: (message, peer, answered) => server.serveForeign(message, peer, answered),
    },
    async [Symbol.asyncDispose]() {
      server.close();
      await watch[Symbol.asyncDispose]();
    },
  };
}

/** Then an answer may leave from another one than was asked, unless it is told not to. */
function hasSeveralAddresses(family: 4 | 6): boolean {
  const addresses = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
  return addresses.filter((each) => isGlobal(each, family)).length > 1;
}

function isGlobal(
  { family, internal, address }: { family: string; internal: boolean; address: string },
  wanted: 4 | 6,
): boolean {
  return family === `IPv${wanted}` && !internal && !isLinkLocalIp(address);
}

/** Answers what lies in a batch: at once from the table, and what the chain has to answer when it has. */
class BatchServer {
  #closed = false;
  #others: BatchServer | undefined;
  readonly #batch: UdpBatch;
  readonly #service: QueryService;
  readonly #family: 4 | 6;
  readonly #local: ListenAddress;
  readonly #lane: number;
  #scratch: Buffer | undefined;

  constructor(batch: UdpBatch, service: QueryService, family: 4 | 6, local: ListenAddress) {
    this.#batch = batch;
    this.#service = service;
    this.#family = family;
    this.#local = local;
    this.#lane = laneOf('udp', family);
  }

  /** Nothing more is sent: the descriptor is about to be somebody else's. */
  close(): void {
    this.#closed = true;
    this.#others?.close();
  }

  /** Answers the first `count` slots. Returns whether there was anything. */
  serve(count: number): boolean {
    if (count === 0) return false;
    const { table } = this.#service;
    this.#service.asked?.();
    table?.startBatch();
    for (let slot = 0; slot < count; slot++) this.#serveSlot(slot);
    this.#batch.send(count);
    table?.settle();
    return true;
  }

  /**
   * Serves what comes in and takes it off the socket once it is answered: should this process be killed in between, its
   * successor answers. What waits at the start is taken off first: nothing may bring down one process after another. Others
   * may take datagrams off as well: what is found in their place, in the batch `taken`, has not been answered.
   */
  servePeeking(taken: UdpBatch): () => boolean {
    const others = new BatchServer(taken, this.#service, this.#family, this.#local);
    this.#others = others;
    let isOld = true;
    return () => {
      const peeked = isOld ? 0 : this.#batch.peek();
      if (this.serve(peeked)) {
        const count = taken.receive(0, peeked);
        if (!taken.isLike(this.#batch, count)) others.serve(count);
        return true;
      }
      const served = this.serve(this.#batch.receive());
      isOld &&= served;
      return served;
    };
  }

  #serveSlot(slot: number): void {
    const batch = this.#batch;
    const { table } = this.#service;
    const start = batch.start(slot);
    const length = batch.length(slot);
    const answered =
      table === undefined ? -1 : table.answer(batch.data, start, length, batch.slotBytes, this.#lane);
    if (answered > 0) {
      batch.answer(slot, answered);
      return;
    }
    batch.answer(slot, 0);
    const message = Buffer.from(batch.data.subarray(start, start + length));
    this.#askChain(message, batch.peer(slot));
  }

  /** Answers a query that came in by another socket. */
  serveForeign(message: Buffer, peer: UdpPeer, answered: () => void): void {
    const { table } = this.#service;
    const room = this.#batch.slotBytes;
    this.#scratch ??= Buffer.allocUnsafeSlow(room);
    table?.startBatch();
    this.#scratch.set(message);
    const length = table?.answer(this.#scratch, 0, message.length, room, this.#lane) ?? -1;
    if (length < 0) return this.#askChain(message, peer, answered);
    this.#reply(peer, this.#scratch.subarray(0, length));
    table?.settle();
    answered();
  }

  /** `answered` is called when the answer is on its way, or there is none. */
  #askChain(message: Buffer, peer: UdpPeer, answered?: () => void): void {
    const response = this.#service.answer(message, new BatchClient(peer, this.#family, this.#local));
    const reply = (known: Response): void => {
      this.#reply(peer, known);
      answered?.();
    };
    if (response instanceof Promise) void response.then(reply);
    else reply(response);
  }

  #reply(peer: UdpPeer, response: Response): void {
    if (!this.#closed && Buffer.isBuffer(response)) this.#batch.reply(peer, response);
  }
}

/** Nobody looks at most clients: their addresses are made when somebody does. */
class BatchClient implements Client {
  readonly transport = 'udp';
  readonly family: 4 | 6;
  readonly #peer: UdpPeer;
  readonly #bound: ListenAddress;

  constructor(peer: UdpPeer, family: 4 | 6, bound: ListenAddress) {
    this.#peer = peer;
    this.family = family;
    this.#bound = bound;
  }

  get address(): string {
    return peerAddress(this.#peer)?.address ?? '';
  }

  get port(): number {
    return peerAddress(this.#peer)?.port ?? 0;
  }

  get local(): { readonly address: string; readonly port: number } {
    return { address: askedAddress(this.#peer) ?? this.#bound.address, port: this.#bound.port };
  }
}
