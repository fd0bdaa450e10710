import type { Server, Socket } from 'node:net';

/** How long and how much a client may keep of a server's streams. Times in ms. */
export interface StreamLimits {
  /** From accepting to the first whole query, and from a query's first byte to its last. */
  readonly readMs: number;
  /** Until a client has read what it was sent. */
  readonly writeMs: number;
  /** Without a query. */
  readonly idleMs: number;
  /** Connections of one listener. One more takes the place of the one that has been quiet the longest. */
  readonly maxConnections: number;
  /** Queries of one connection that may be unanswered at once; reading pauses there. */
  readonly maxPipelined: number;
}

export const DEFAULT_STREAM_LIMITS: StreamLimits = {
  readMs: 3000,
  writeMs: 5000,
  idleMs: 10_000,
  maxConnections: 10_000,
  maxPipelined: 64,
};

/** The connections of one listener, the quietest first. */
export class Connections {
  readonly #max: number;
  readonly #sockets = new Set<Socket>();

  constructor(max: number) {
    this.#max = max;
  }

  get size(): number {
    return this.#sockets.size;
  }

  add(socket: Socket): void {
    const [quietest] = this.#sockets;
    if (this.#sockets.size >= this.#max && quietest !== undefined) {
      this.#sockets.delete(quietest);
      quietest.destroy();
    }
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
  }

  /** A query came in. */
  touch(socket: Socket): void {
    if (this.#sockets.delete(socket)) this.#sockets.add(socket);
  }

  /** Stops accepting and cuts what is open. */
  close(server: Server): Promise<void> {
    return new Promise((resolve) => {
      server.close(() => resolve());
      for (const socket of this.#sockets) socket.destroy();
    });
  }
}
