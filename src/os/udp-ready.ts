import { createSocket, type RemoteInfo } from 'node:dgram';
import { writeSync } from 'node:fs';
import { closeFd, threadLedger } from './fd-ledger.ts';
import { makePipe } from './pipe.ts';
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
 * `node:dgram` would lose. Takes a thread of libuv's pool. `onReady` returns whether there may be more to read.
 * Owns the descriptor from now on.
 */
export function watchByPolling(fd: number, onReady: () => boolean): AsyncDisposable {
  const wake = makePipe();
  const ending = new AbortController();
  const { signal } = ending;
  const watch = async (): Promise<void> => {
    while (!signal.aborted) {
      await waitReadable([fd, wake.read]);
      // In between, everything else on the event loop gets its turn.
      while (!signal.aborted && onReady()) await new Promise((resolve) => setImmediate(resolve));
    }
  };
  const watching = watch();
  return {
    async [Symbol.asyncDispose]() {
      ending.abort();
      writeSync(wake.write, 'x');
      await watching;
      for (const each of [fd, wake.read, wake.write]) closeFd(each);
    },
  };
}
