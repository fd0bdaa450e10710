import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import type { EndpointSlice } from '#api/discovery/v1.gen.ts';
import { parseIp } from '#lib/ip.ts';
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
  readonly slices: () => readonly EndpointSlice[];
}

/** How often it looks for somebody who could stand in. */
const LOOK_MS = 20;
/** Then another endpoint is asked. */
const RETRY_MS = 300;
const GIVE_UP_MS = 2500;
/** Datagrams that may be asked of others at once. */
const MAX_ASKING = 1024;

type Target = { readonly family: 4 | 6; readonly port: number };

/**
 * While the process of a container is away, other endpoints of its Service answer what clients send to its kept UDP
 * sockets: each datagram is asked of one of them, and what comes back goes to the client. Made when the process has ended,
 * told to leave when the next one serves.
 */
export class StandIn implements Disposable {
  readonly #options: StandInOptions;
  readonly #readers: Socket[] = [];
  readonly #asking = new Set<Disposable>();
  /** Per port, of those that nobody stands in for. */
  readonly #looks = new Map<string, NodeJS.Timeout>();
  #isLeaving = false;

  constructor(options: StandInOptions) {
    this.#options = options;
    for (const socket of options.sockets) this.#begin(socket);
  }

  /** What nobody else could answer stays in the socket, for the next process. */
  #begin(socket: StandInOptions['sockets'][number]): void {
    const { fd, address, port } = socket;
    const to = { family: address.includes(':') ? 6 : 4, port } as const;
    const isAlone = this.#others(to).length === 0;
    const reader = isAlone ? undefined : open(() => duplicateSocket(fd), to.family);
    if (reader === undefined) {
      const look = setTimeout(() => this.#begin(socket), LOOK_MS);
      this.#looks.set(`${address} ${port}`, look);
      return;
    }
    reader.on('message', (message, client) => this.#ask(reader, message, client, to));
    this.#readers.push(reader);
  }

  #others(to: Target): Endpoint[] {
    const { slices, podIps } = this.#options;
    return planStandIns(slices(), { ...to, podIps });
  }

  #ask(reader: Socket, message: Buffer, client: RemoteInfo, to: Target): void {
    if (this.#asking.size >= MAX_ASKING) return;
    const { netns } = this.#options;
    const address = to.family === 4 ? '0.0.0.0' : '::';
    const socket = open(() => bindUdp({ address, port: 0, netns }), to.family);
    // That one datagram is lost.
    if (socket === undefined) return;
    let tries = Math.floor(Math.random() * MAX_ASKING);
    const asked = new Set<string>();
    const send = (): void => {
      const others = this.#others(to);
      const chosen = others[tries++ % others.length];
      if (chosen === undefined) return;
      asked.add(canonical(chosen.address));
      socket.send(message, chosen.port, chosen.address, ignore);
    };
    send();
    const retry = setInterval(send, RETRY_MS);
    const asking = {
      [Symbol.dispose]: () => {
        clearInterval(retry);
        clearTimeout(giveUp);
        if (this.#asking.delete(asking)) socket.close();
        if (this.#isLeaving && this.#asking.size === 0) this[Symbol.dispose]();
      },
    };
    const giveUp = setTimeout(() => asking[Symbol.dispose](), GIVE_UP_MS);
    this.#asking.add(asking);
    socket.on('message', (answer, from) => {
      // Anybody can send to its port.
      if (from.port !== to.port || !asked.has(canonical(from.address))) return;
      if (this.#asking.has(asking)) reader.send(answer, client.port, client.address, ignore);
      asking[Symbol.dispose]();
    });
  }

  /** Ends when what it has taken is answered. */
  leave(): void {
    this.#isLeaving = true;
    this.#stopLooking();
    if (this.#asking.size === 0) this[Symbol.dispose]();
    else setTimeout(() => this[Symbol.dispose](), GIVE_UP_MS).unref();
  }

  #stopLooking(): void {
    for (const look of this.#looks.values()) clearTimeout(look);
    this.#looks.clear();
  }

  [Symbol.dispose](): void {
    this.#isLeaving = false;
    this.#stopLooking();
    for (const asking of this.#asking) asking[Symbol.dispose]();
    for (const reader of this.#readers.splice(0)) reader.close();
  }
}

/** Undefined when the node is out of descriptors or ports. */
function open(make: () => number, family: 4 | 6): Socket | undefined {
  try {
    return socketOn(make(), family);
  } catch {
    return undefined;
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

function canonical(address: string): string {
  return parseIp(address) ?? address;
}
