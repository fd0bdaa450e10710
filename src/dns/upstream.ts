import { randomInt } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { connect } from 'node:net';
import { formatAddressPort, ipFamily } from '#lib/ip.ts';
import { DnsFrameReader, frameMessage } from '#wire/dns-tcp.ts';
import type { ListenAddress } from './config.ts';

const TIMEOUT_MS = 2000;
/** Queries per socket, so that its port does not stay guessable. */
const QUERIES_PER_SOCKET = 512;

interface Pending {
  readonly query: Buffer;
  readonly questionEnd: number;
  readonly resolve: (response: Buffer) => void;
  readonly reject: (error: Error) => void;
  readonly timer: NodeJS.Timeout;
}

/** One server that queries are forwarded to. The response has the ID of the query. */
export class Upstream implements Disposable {
  readonly address: ListenAddress;
  readonly #sockets = new Set<UpstreamSocket>();
  #current: UpstreamSocket | undefined;

  constructor(address: ListenAddress) {
    this.address = address;
  }

  toString(): string {
    return formatAddressPort(this.address.address, this.address.port);
  }

  /** Rejects when nothing came back in 2 s, or the port is closed. `questionEnd`: offset behind the question. */
  exchangeUdp(query: Buffer, questionEnd: number): Promise<Buffer> {
    if (this.#current === undefined || this.#current.worn) {
      const socket = new UpstreamSocket(this.address, () => this.#sockets.delete(socket));
      this.#sockets.add(socket);
      this.#current = socket;
    }
    return this.#current.exchange(query, questionEnd);
  }

  exchangeTcp(query: Buffer): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      const { address, port } = this.address;
      const socket = connect({ host: address, port });
      const reader = new DnsFrameReader();
      socket.setTimeout(TIMEOUT_MS, () =>
        socket.destroy(new Error(`${this.toString()}: no answer over TCP in ${TIMEOUT_MS} ms`)),
      );
      socket.on('connect', () => socket.write(frameMessage(query)));
      socket.on('data', (piece: Buffer) => {
        const [response] = reader.push(piece);
        if (response === undefined) return;
        socket.destroy();
        resolve(response);
      });
      socket.on('error', reject);
      socket.on('close', () =>
        reject(new Error(`${this.toString()} closed the connection without an answer`)),
      );
    });
  }

  [Symbol.dispose](): void {
    for (const socket of this.#sockets) socket.close(new Error(`${this.toString()} is no longer used`));
  }
}

/** A connected UDP socket: only its peer's packets come in, and a closed port is an error. */
class UpstreamSocket {
  readonly #peer: ListenAddress;
  readonly #socket: Socket;
  readonly #pending = new Map<number, Pending>();
  readonly #onClosed: () => void;
  readonly #connected: Promise<void>;
  #sent = 0;
  worn = false;

  constructor(peer: ListenAddress, onClosed: () => void) {
    this.#peer = peer;
    this.#onClosed = onClosed;
    const socket = createSocket({
      type: ipFamily(peer.address) === 4 ? 'udp4' : 'udp6',
      lookup: (hostname, _options, callback) => callback(null, hostname, ipFamily(hostname)),
    });
    this.#socket = socket;
    this.#connected = new Promise((resolve) => {
      socket.once('connect', resolve);
    });
    socket.on('message', (response) => this.#received(response));
    socket.on('error', (error) => this.close(error));
    socket.connect(peer.port, peer.address);
    // Queries hold the process by their timers; an idle socket need not.
    socket.unref();
  }

  async exchange(query: Buffer, questionEnd: number): Promise<Buffer> {
    this.#sent++;
    if (this.#sent >= QUERIES_PER_SOCKET) this.worn = true;
    const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
    const id = this.#freeId();
    const timer = setTimeout(() => {
      this.#settle(id)?.reject(new Error(`${this.#peer.address}: no answer in ${TIMEOUT_MS} ms`));
    }, TIMEOUT_MS);
    this.#pending.set(id, { query, questionEnd, resolve, reject, timer });
    const copy = Buffer.from(query);
    copy.writeUInt16BE(id, 0);
    await Promise.race([this.#connected, promise]);
    if (this.#pending.has(id)) this.#socket.send(copy, (error) => error && this.#settle(id)?.reject(error));
    return promise;
  }

  close(error: Error): void {
    this.worn = true;
    for (const id of this.#pending.keys()) this.#settle(id)?.reject(error);
    try {
      this.#socket.close();
    } catch {
      // Closed before.
    }
    this.#onClosed();
  }

  #received(response: Buffer): void {
    if (response.length < 12) return;
    const id = response.readUInt16BE(0);
    const pending = this.#pending.get(id);
    if (pending === undefined || !sameQuestion(response, pending)) return;
    const copy = Buffer.from(response);
    pending.query.copy(copy, 0, 0, 2);
    this.#settle(id)?.resolve(copy);
  }

  #settle(id: number): Pending | undefined {
    const pending = this.#pending.get(id);
    if (pending === undefined) return undefined;
    clearTimeout(pending.timer);
    this.#pending.delete(id);
    if (this.worn && this.#pending.size === 0) setImmediate(() => this.close(new Error('worn out')));
    return pending;
  }

  #freeId(): number {
    for (;;) {
      const id = randomInt(0x10000);
      if (!this.#pending.has(id)) return id;
    }
  }
}

/** Answers repeat the question; another one belongs to somebody who guesses. */
function sameQuestion(response: Buffer, { query, questionEnd }: Pending): boolean {
  if ((response.readUInt16BE(2) & 0x8000) === 0) return false;
  if (response.readUInt16BE(4) === 0) return true;
  return (
    response.toString('latin1', 12, questionEnd).toLowerCase() ===
    query.toString('latin1', 12, questionEnd).toLowerCase()
  );
}
