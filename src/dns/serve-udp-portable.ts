import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { ipFamily } from '#lib/ip.ts';
import { laneOf } from './answer-counts.ts';
import type { ListenAddress } from './config.ts';
import type { Client } from './handler.ts';
import type { Listener, ListenOptions, QueryService, Response } from './transport.ts';

const SOCKET_BUFFER_BYTES = 4 << 20;
/** Room for a query and its prepared answer. */
const SCRATCH_BYTES = 4096;

/** Serves DNS over one UDP socket of `node:dgram`. Answers leave from the address that the route to the client has. */
export async function serveUdpPortable(
  listen: ListenAddress,
  service: QueryService,
  { reusePort = false }: ListenOptions = {},
): Promise<Listener> {
  const family = ipFamily(listen.address);
  const socket = createSocket({
    type: family === 4 ? 'udp4' : 'udp6',
    ...(family === 6 && { ipv6Only: true }),
    reusePort,
    // Peers are addresses, never names: no look-up, so a reply goes out in the same turn.
    lookup: (hostname, _options, callback) => callback(null, hostname, family),
  });
  await new Promise<void>((resolve, reject) => {
    socket.once('error', (error) => {
      socket.close();
      reject(error);
    });
    socket.bind(listen.port, listen.address, resolve);
  });
  socket.removeAllListeners('error');
  // An ICMP error of one client is not the server's.
  socket.on('error', ignore);
  const local = { address: listen.address, port: socket.address().port };
  const state = { closed: false };
  serveMessages(socket, service, { transport: 'udp', family, local }, state);
  growBuffers(socket);
  return {
    address: local,
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        state.closed = true;
        socket.close(resolve);
      }),
  };
}

function serveMessages(
  socket: Socket,
  service: QueryService,
  common: Pick<Client, 'transport' | 'family' | 'local'>,
  state: { readonly closed: boolean },
): void {
  const { table } = service;
  const lane = laneOf('udp', common.family);
  const send = (response: Response, { port, address }: RemoteInfo): void => {
    if (!state.closed && Buffer.isBuffer(response)) socket.send(response, port, address, ignore);
  };
  socket.on('message', (message, peer) => {
    service.asked?.();
    if (table !== undefined && message.length < SCRATCH_BYTES) {
      const bytes = Buffer.allocUnsafe(SCRATCH_BYTES);
      message.copy(bytes);
      table.startBatch();
      const length = table.answer(bytes, 0, message.length, SCRATCH_BYTES, lane);
      if (length > 0) {
        send(bytes.subarray(0, length), peer);
        table.settle();
        return;
      }
    }
    const response = service.answer(message, { ...common, address: peer.address, port: peer.port });
    if (response instanceof Promise) void response.then((late) => send(late, peer));
    else send(response, peer);
  });
}

function growBuffers(socket: Socket): void {
  try {
    socket.setRecvBufferSize(SOCKET_BUFFER_BYTES);
    socket.setSendBufferSize(SOCKET_BUFFER_BYTES);
  } catch {
    // The system's default serves as well.
  }
}

function ignore(): void {}
