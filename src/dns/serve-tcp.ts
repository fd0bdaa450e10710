import { type AddressInfo, createServer, type Socket } from 'node:net';
import { ipFamily } from '#lib/ip.ts';
import { DnsFrameReader, frameMessage } from '#wire/dns-tcp.ts';
import type { ListenAddress } from './config.ts';
import type { Client } from './handler.ts';
import { type Listener, listenError, type QueryService, type Response } from './transport.ts';

const IDLE_MS = 10_000;
const MAX_CONNECTIONS = 10_000;
/** Queries of one connection that may be unanswered at once; reading pauses there. */
const MAX_PIPELINED = 64;

/** Serves DNS over TCP: any number of queries per connection, answered as they are ready (RFC 7766 §6.2.1). */
export async function serveTcp(listen: ListenAddress, service: QueryService): Promise<Listener> {
  const connections = new Set<Socket>();
  const family = ipFamily(listen.address);
  const server = createServer({ noDelay: true }, (socket) => {
    connections.add(socket);
    socket.on('close', () => connections.delete(socket));
    const { remoteAddress: address = '', remotePort: port = 0 } = socket;
    const client: Client = { transport: 'tcp', family, address, port, local: listen };
    serveConnection(socket, (message) => service.answer(message, client));
  });
  server.maxConnections = MAX_CONNECTIONS;
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => reject(listenError('TCP', listen, error)));
    server.listen({ port: listen.port, host: listen.address, ipv6Only: true }, resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    address: { address: listen.address, port },
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of connections) socket.destroy();
      }),
  };
}

function serveConnection(
  socket: Socket,
  answer: (message: Buffer) => Response | Promise<Response>,
): void {
  const reader = new DnsFrameReader();
  let waiting = 0;
  const send = (response: Response): void => {
    for (const message of Buffer.isBuffer(response) ? [response] : (response ?? [])) {
      if (!socket.writableEnded && !socket.write(frameMessage(message))) socket.pause();
    }
  };
  socket.setTimeout(IDLE_MS, () => socket.destroy());
  socket.on('error', () => socket.destroy());
  socket.on('drain', () => socket.resume());
  socket.on('data', (piece: Buffer) => {
    for (const message of reader.push(piece)) {
      const reply = answer(message);
      // A client whose framing is off cannot be understood again.
      if (reply === undefined) {
        socket.destroy();
        return;
      }
      if (!(reply instanceof Promise)) {
        send(reply);
        continue;
      }
      waiting++;
      if (waiting >= MAX_PIPELINED) socket.pause();
      void reply.then((response) => {
        waiting--;
        socket.resume();
        send(response);
      });
    }
  });
}
