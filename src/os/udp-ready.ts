import { createSocket, type RemoteInfo } from 'node:dgram';
import { readSync, writeSync } from 'node:fs';
import { closeFd, threadLedger } from './fd-ledger.ts';
import { makePipe, type Pipe } from './pipe.ts';
import { waitReadable } from './readable.ts';
import { SOL_SOCKET, setOption } from './socket.ts';

const SO_REUSEADDR = 2;

/**
 * Tells, on Node's event loop, that a UDP socket has something to read, by reading its first datagram with
 * `node:dgram` and handing it over: the cheapest news there is. Owns the descriptor from now on.
 */
export async function watchByReading(
  fd: number,
  family: 4 | 6,
  onDatagram: (message: Buffer, peer: RemoteInfo) => void,
): Promise<AsyncDisposable> {
  const socket = createSocket(family === 4 ? 'udp4' : 'udp6');
  socket.on('message', onDatagram);
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject);
    socket.bind({ fd }, resolve);
  });
  threadLedger().forget(fd);
  // libuv sets it on sockets that it is given: another program could then have the port too.
  setOption(fd, SOL_SOCKET, SO_REUSEADDR, 0);
  socket.removeAllListeners('error');
  // An ICMP error of one peer is not the socket's.
  socket.on('error', () => {});
  return {
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        socket.close(resolve);
      }),
  };
}

/**
 * Tells the same without reading anything, for sockets whose datagrams carry control messages, which
 * `node:dgram` would lose. Takes one thread of libuv's pool, however many sockets are watched: more would keep it from
 * all else. `onReady` is asked when any of them has something, and returns whether there may be more to read.
 * Owns the descriptor from now on.
 */
export function watchByPolling(fd: number, onReady: () => boolean): AsyncDisposable {
  poller.add(fd, onReady);
  return {
    async [Symbol.asyncDispose]() {
      await poller.remove(fd);
      closeFd(fd);
    },
  };
}

class Poller {
  readonly #watched = new Map<number, () => boolean>();
  /** By which a wait is ended; undefined while nothing is watched. */
  #wake: Pipe | undefined;
  /** The wait that is under way has ended. */
  #waited = Promise.withResolvers<void>();

  add(fd: number, onReady: () => boolean): void {
    this.#watched.set(fd, onReady);
    if (this.#wake === undefined) void this.#run((this.#wake = makePipe()));
    else writeSync(this.#wake.write, 'x');
  }

  /** Resolves when nobody waits for it any more. */
  async remove(fd: number): Promise<void> {
    this.#watched.delete(fd);
    if (this.#wake === undefined) return;
    writeSync(this.#wake.write, 'x');
    await this.#waited.promise;
  }

  async #run(wake: Pipe): Promise<void> {
    while (this.#watched.size > 0) {
      const ready = await waitReadable([wake.read, ...this.#watched.keys()]);
      if (ready.includes(wake.read)) readSync(wake.read, new Uint8Array(64));
      this.#waited.resolve();
      this.#waited = Promise.withResolvers();
      // In between, everything else on the event loop gets its turn.
      while (this.#askAll()) await new Promise((resolve) => setImmediate(resolve));
    }
    this.#wake = undefined;
    for (const fd of [wake.read, wake.write]) closeFd(fd);
    this.#waited.resolve();
    this.#waited = Promise.withResolvers();
  }

  /** Whether one of them may have more. */
  #askAll(): boolean {
    return [...this.#watched.values()].filter((onReady) => onReady()).length > 0;
  }
}

const poller = new Poller();
