import { createSocket, type Socket } from 'node:dgram';
import { ipFamily } from '#lib/ip.ts';
import type { ConnectionCounter, Exchanger } from './exchange.ts';
import { PendingQueries } from './pending-queries.ts';

/** Queries per socket, so that its port does not stay guessable. */
const QUERIES_PER_SOCKET = 512;

/** UDP: sockets connected to one server, so that only its packets come in and a closed port is an error. */
export class UdpExchanger implements Exchanger {
  readonly protocol = 'udp';
  readonly #peer: { readonly address: string; readonly port: number };
  readonly #counter: ConnectionCounter;
  readonly #sockets = new Set<UdpSocket>();
  #current: UdpSocket | undefined;

  constructor(peer: { readonly address: string; readonly port: number }, counter: ConnectionCounter) {
    this.#peer = peer;
    this.#counter = counter;
  }

  exchange(query: Buffer, timeoutMs: number): Promise<Buffer> {
    const isKept = this.#current?.worn === false;
    this.#counter[isKept ? 'hit' : 'miss']();
    if (this.#current === undefined || this.#current.worn) {
      const socket = new UdpSocket(this.#peer, () => this.#sockets.delete(socket));
      this.#sockets.add(socket);
      this.#current = socket;
    }
    return this.#current.exchange(query, timeoutMs);
  }

  [Symbol.dispose](): void {
    for (const socket of this.#sockets) socket.close(new Error('the upstream server is no longer used'));
  }
}

class UdpSocket {
  readonly #socket: Socket;
  readonly #pending = new PendingQueries(() => this.#idle());
  readonly #onClosed: () => void;
  readonly #connected: Promise<void>;
  #sent = 0;
  #closed = false;
  worn = false;

  constructor({ address, port }: { readonly address: string; readonly port: number }, onClosed: () => void) {
    this.#onClosed = onClosed;
    this.#socket = createSocket({
      type: ipFamily(address) === 4 ? 'udp4' : 'udp6',
      lookup: (host, _options, callback) => callback(null, host, ipFamily(host)),
    });
    this.#connected = new Promise((resolve) => {
      this.#socket.once('connect', resolve);
    });
    this.#socket.on('message', (response) => this.#pending.receive(response));
    this.#socket.on('error', (error) => this.close(error));
    this.#socket.connect(port, address);
    // Queries hold the process by their timers; an idle socket need not.
    this.#socket.unref();
  }

  exchange(query: Buffer, timeoutMs: number): Promise<Buffer> {
    this.#sent++;
    if (this.#sent >= QUERIES_PER_SOCKET) this.worn = true;
    return this.#pending.ask(query, timeoutMs, (message) => {
      void this.#connected.then(() => {
        if (this.#closed) return;
        // What is wrong with one is wrong with all: the kernel tells of a closed port only once.
        this.#socket.send(message, (error) => {
          if (error !== null) this.close(error);
        });
      });
    });
  }

  close(error: Error): void {
    if (this.#closed) return;
    this.#closed = true;
    this.worn = true;
    this.#pending.failAll(error);
    this.#socket.close();
    this.#onClosed();
  }

  #idle(): void {
    if (this.worn) setImmediate(() => this.#pending.size === 0 && this.close(new Error('worn out')));
  }
}
