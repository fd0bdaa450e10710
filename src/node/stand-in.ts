import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import type { EndpointSlice } from '#api/discovery/v1.gen.ts';
import { bindUdp, duplicateSocket } from '#os/socket.ts';
import type { KeptSocket } from './plan-kept-sockets.ts';
import { type Endpoint, planStandIns } from './plan-stand-in.ts';

export interface StandInOptions {
  /** The UDP ones among a container's kept sockets, with their descriptors. */
  readonly sockets: readonly (Pick<KeptSocket, 'address' | 'port'> & { readonly fd: number })[];
  readonly podIps: readonly string[];
  /** Of the pod. */
  readonly netns: number | undefined;
  /** The slices of the Service that stands in. */
  readonly slices: () => Promise<readonly EndpointSlice[]>;
}

/** Who stands in may come and go meanwhile. */
const REFRESH_MS = 200;
/** Then another endpoint is asked. */
const RETRY_MS = 300;
const GIVE_UP_MS = 2500;
/** What nobody stands in for waits no longer in memory than in the socket. */
const MAX_WAITING = 1024;

/**
 * While the process of a container is away, other endpoints of its Service answer what clients send to its kept UDP
 * sockets: each datagram is asked of one of them, and what comes back goes to the client. Made when the process has ended,
 * told to leave when the next one serves.
 */
export class StandIn implements Disposable {
  readonly #options: StandInOptions;
  readonly #readers: Socket[] = [];
  readonly #asking = new Set<Disposable>();
  readonly #refresh: NodeJS.Timeout;
  #slices: readonly EndpointSlice[] = [];
  #isLooking = false;
  #isLeaving = false;

  constructor(options: StandInOptions) {
    this.#options = options;
    this.#look();
    this.#refresh = setInterval(() => this.#look(), REFRESH_MS);
    for (const { fd, address, port } of options.sockets) {
      const family = address.includes(':') ? 6 : 4;
      const reader = socketOn(duplicateSocket(fd), family);
      reader.on('message', (message, client) => this.#ask(reader, message, client, { family, port }));
      this.#readers.push(reader);
    }
  }

  #look(): void {
    if (this.#isLooking) return;
    this.#isLooking = true;
    this.#options
      .slices()
      .then((slices) => {
        this.#slices = slices;
      })
      // The API server may be away, too: who was there last is asked.
      .catch(() => undefined)
      .finally(() => {
        this.#isLooking = false;
      });
  }

  #ask(reader: Socket, message: Buffer, client: RemoteInfo, to: { family: 4 | 6; port: number }): void {
    if (this.#asking.size >= MAX_WAITING) return;
    const { netns, podIps } = this.#options;
    const address = to.family === 4 ? '0.0.0.0' : '::';
    const socket = socketOn(bindUdp({ address, port: 0, netns }), to.family);
    let tries = Math.floor(Math.random() * MAX_WAITING);
    const send = (): boolean => {
      const others: Endpoint[] = planStandIns(this.#slices, { ...to, podIps });
      const chosen = others[tries++ % others.length];
      if (chosen !== undefined) socket.send(message, chosen.port, chosen.address, ignore);
      return chosen !== undefined;
    };
    // The first look may be under way still.
    let timer = setTimeout(function again() {
      timer = setTimeout(again, send() ? RETRY_MS : 10);
    });
    const asking = {
      [Symbol.dispose]: () => {
        clearTimeout(timer);
        clearTimeout(giveUp);
        if (this.#asking.delete(asking)) socket.close();
        if (this.#isLeaving && this.#asking.size === 0) this[Symbol.dispose]();
      },
    };
    const giveUp = setTimeout(() => asking[Symbol.dispose](), GIVE_UP_MS);
    this.#asking.add(asking);
    socket.on('message', (answer) => {
      if (this.#asking.has(asking)) reader.send(answer, client.port, client.address, ignore);
      asking[Symbol.dispose]();
    });
  }

  /** Ends when what it has taken is answered. */
  leave(): void {
    this.#isLeaving = true;
    if (this.#asking.size === 0) this[Symbol.dispose]();
    else setTimeout(() => this[Symbol.dispose](), GIVE_UP_MS).unref();
  }

  [Symbol.dispose](): void {
    this.#isLeaving = false;
    clearInterval(this.#refresh);
    for (const asking of this.#asking) asking[Symbol.dispose]();
    for (const reader of this.#readers.splice(0)) reader.close();
  }
}

/** Errors are those of single datagrams. */
function socketOn(fd: number, family: 4 | 6): Socket {
  const socket = createSocket({
    type: family === 4 ? 'udp4' : 'udp6',
    // Peers are addresses, never names.
    lookup: (hostname, _options, callback) => callback(null, hostname, family),
  });
  socket.on('error', ignore);
  socket.bind({ fd });
  return socket;
}

function ignore(): void {}
