import { createSocket } from 'node:dgram';
import { ipFamily } from '#lib/ip.ts';
import type { Client, MessageAnswerer } from './answer-query.ts';
import type { ListenAddress } from './config.ts';
import { type Listener, listenError } from './transport.ts';

const SOCKET_BUFFER_BYTES = 4 << 20;

/** Serves DNS over one UDP socket of `node:dgram`: the portable path. */
export async function serveUdp(listen: ListenAddress, answer: MessageAnswerer): Promise<Listener> {
  const family = ipFamily(listen.address);
  const client: Client = { transport: 'udp', family };
  const socket = createSocket({
    type: family === 4 ? 'udp4' : 'udp6',
    ...(family === 6 && { ipv6Only: true }),
    // Peers are addresses, never names: no look-up, so a reply goes out in the same turn.
    lookup: (hostname, _options, callback) => callback(null, hostname, family),
  });
  socket.on('message', (message, peer) => {
    const reply = answer(message, client);
    if (reply instanceof Promise)
      void reply.then((response) => socket.send(response, peer.port, peer.address, ignore));
    else if (reply !== undefined) socket.send(reply, peer.port, peer.address, ignore);
  });
  await new Promise<void>((resolve, reject) => {
    socket.once('error', (error) => {
      socket.close();
      reject(listenError('UDP', listen, error));
    });
    socket.bind(listen.port, listen.address, resolve);
  });
  socket.removeAllListeners('error');
  // An ICMP error of one client is not the server's.
  socket.on('error', ignore);
  try {
    socket.setRecvBufferSize(SOCKET_BUFFER_BYTES);
    socket.setSendBufferSize(SOCKET_BUFFER_BYTES);
  } catch {
    // The system's default serves as well.
  }
  return {
    address: { address: listen.address, port: socket.address().port },
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        socket.close(resolve);
      }),
  };
}

function ignore(): void {}
