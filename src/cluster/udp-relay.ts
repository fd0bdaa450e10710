import { createSocket, type Socket } from 'node:dgram';
import { adoptUdp } from './adopt-udp.ts';

const IDLE_MS = 120_000;
const MAX_CLIENTS = 1024;

interface Client {
  readonly socket: Socket;
  usedAt: number;
}

/** Passes datagrams of any number of clients to one address, from a socket for each, and the answers back. */
export class UdpRelay implements Disposable {
  readonly #outer: Socket;
  readonly #target: { readonly address: string; readonly port: number };
  readonly #clients = new Map<string, Client>();
  readonly #sweep: NodeJS.Timeout;

  /** Takes over a bound IPv4 socket. */
  constructor(fd: number, target: { readonly address: string; readonly port: number }) {
    this.#target = target;
    this.#outer = adoptUdp(fd, 4);
    this.#outer.on('error', () => undefined);
    this.#outer.on('message', (data, { address, port }) => {
      this.#socketOf(address, port)?.send(data, target.port, target.address);
    });
    this.#sweep = setInterval(() => this.#forgetIdle(), IDLE_MS / 4);
    this.#sweep.unref();
  }

  [Symbol.dispose](): void {
    clearInterval(this.#sweep);
    this.#outer.close();
    for (const { socket } of this.#clients.values()) socket.close();
    this.#clients.clear();
  }

  /** The client's own socket towards the target; undefined when there are too many. */
  #socketOf(address: string, port: number): Socket | undefined {
    const key = `${address} ${port}`;
    let client = this.#clients.get(key);
    if (client === undefined) {
      if (this.#clients.size >= MAX_CLIENTS) return undefined;
      const socket = createSocket(this.#target.address.includes(':') ? 'udp6' : 'udp4');
      socket.on('error', () => undefined);
      socket.on('message', (data) => this.#outer.send(data, port, address));
      client = { socket, usedAt: 0 };
      this.#clients.set(key, client);
    }
    client.usedAt = performance.now();
    return client.socket;
  }

  #forgetIdle(): void {
    const oldest = performance.now() - IDLE_MS;
    for (const [key, { socket, usedAt }] of this.#clients) {
      if (usedAt >= oldest) continue;
      this.#clients.delete(key);
      socket.close();
    }
  }
}
