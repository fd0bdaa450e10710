import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls, type SecureContext } from 'node:tls';
import { DnsFrameReader, frameMessage } from '#wire/dns-tcp.ts';
import type { ConnectionCounter, Exchanger } from './exchange.ts';
import { PendingQueries } from './pending-queries.ts';

/** While there are fewer, a query gets a connection to itself: some servers answer those of one in turn. */
const MAX_CONNECTIONS = 16;
/** A server that closes a connection with queries unanswered gets one query per connection for so long. */
const ALONE_MS = 60_000;
const MAX_CONNECTIONS_ALONE = 512;

export interface StreamOptions {
  readonly address: string;
  readonly port: number;
  /** How long an idle connection is kept; 0: not at all. */
  readonly expireMs: number;
  /** How old it may get and still take queries; 0: no limit. */
  readonly maxAgeMs: number;
  /** 0: no limit. */
  readonly maxIdleConnections: number;
  /** DNS over TLS. */
  readonly tls?:
    | { readonly context: () => SecureContext; readonly serverName: string | undefined }
    | undefined;
  readonly counter: ConnectionCounter;
}

/** TCP and TLS: a few connections to one server that are kept; each may carry many queries at a time. */
export class StreamExchanger implements Exchanger {
  readonly protocol: string;
  readonly #options: StreamOptions;
  readonly #connections = new Set<Connection>();
  #aloneUntilMs = 0;

  constructor(options: StreamOptions) {
    this.#options = options;
    this.protocol = options.tls === undefined ? 'tcp' : 'tcp-tls';
  }

  /** A kept connection that the server closes meanwhile costs a second try, never an answer. */
  async exchange(query: Buffer, timeoutMs: number): Promise<Buffer> {
    const deadlineMs = Date.now() + timeoutMs;
    for (;;) {
      const known = this.#available();
      const connection = known ?? this.#open();
      this.#options.counter[known === undefined ? 'miss' : 'hit']();
      try {
        return await connection.exchange(query, Math.max(1, deadlineMs - Date.now()));
      } catch (error) {
        const isAlive = known !== undefined || connection.hasAnswered;
        if (!isAlive || !connection.closed || Date.now() >= deadlineMs) throw error;
      }
    }
  }

  [Symbol.dispose](): void {
    for (const connection of this.#connections) connection.close();
  }

  #available(): Connection | undefined {
    let best: Connection | undefined;
    for (const connection of this.#connections) {
      if (connection.isTooOld) continue;
      if (best === undefined || connection.load < best.load) best = connection;
    }
    const max = performance.now() < this.#aloneUntilMs ? MAX_CONNECTIONS_ALONE : MAX_CONNECTIONS;
    return (best?.load ?? 0) > 0 && this.#connections.size < max ? undefined : best;
  }

  #open(): Connection {
    const connection = new Connection(this.#options, {
      onClosed: () => {
        this.#connections.delete(connection);
        if (connection.hasAnswered && connection.load > 0) this.#aloneUntilMs = performance.now() + ALONE_MS;
      },
      isSpare: () => {
        const { maxIdleConnections } = this.#options;
        const idle = [...this.#connections].filter(({ load }) => load === 0).length;
        const { expireMs } = this.#options;
        return expireMs === 0 || connection.isTooOld || (maxIdleConnections > 0 && idle > maxIdleConnections);
      },
    });
    this.#connections.add(connection);
    return connection;
  }
}

interface ConnectionEvents {
  onClosed(): void;
  /** Asked when it becomes idle: one too many? */
  isSpare(): boolean;
}

class Connection {
  readonly #socket: Socket;
  readonly #pending = new PendingQueries(() => this.#idle());
  readonly #reader = new DnsFrameReader();
  readonly #events: ConnectionEvents;
  readonly #oldMs: number;
  /** Pieces received so far. */
  #heard = 0;
  closed = false;

  constructor({ address, port, expireMs, maxAgeMs, tls }: StreamOptions, events: ConnectionEvents) {
    this.#events = events;
    this.#oldMs = maxAgeMs > 0 ? performance.now() + maxAgeMs : Number.POSITIVE_INFINITY;
    const server = { host: address, port };
    this.#socket =
      tls === undefined
        ? connectTcp({ ...server, noDelay: true })
        : connectTls({
            ...server,
            secureContext: tls.context(),
            ...(tls.serverName === undefined ? {} : { servername: tls.serverName }),
          });
    this.#socket.setTimeout(expireMs, () => {
      if (this.#pending.size === 0) this.close();
    });
    this.#socket.on('data', (piece: Buffer) => {
      this.#heard++;
      for (const response of this.#reader.push(piece)) this.#pending.receive(response);
    });
    this.#socket.on('error', (error) => this.#gone(error));
    this.#socket.on('close', () => this.#gone(new Error('the upstream server closed the connection')));
  }

  get load(): number {
    return this.#pending.size;
  }

  get hasAnswered(): boolean {
    return this.#heard > 0;
  }

  get isTooOld(): boolean {
    return performance.now() >= this.#oldMs;
  }

  /** A connection on which nothing at all came meanwhile is closed: its server may have gone without a word. */
  async exchange(query: Buffer, timeoutMs: number): Promise<Buffer> {
    this.#socket.ref();
    const heard = this.#heard;
    try {
      return await this.#pending.ask(query, timeoutMs, (message) =>
        this.#socket.write(frameMessage(message)),
      );
    } catch (error) {
      if (heard === this.#heard) this.close();
      throw error;
    }
  }

  close(): void {
    this.#socket.destroy();
    this.#gone(new Error('the connection was closed'));
  }

  #gone(error: Error): void {
    if (this.closed) return;
    this.closed = true;
    this.#events.onClosed();
    this.#pending.failAll(error);
  }

  #idle(): void {
    this.#socket.unref();
    if (!this.closed && this.#events.isSpare()) this.close();
  }
}
