/** The built-in echo program: sockets of a pod's network namespace, served by the node's own thread. */
import dgram from 'node:dgram';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type net from 'node:net';
import { acceptOn, bindUdp, listenTcp } from '#os/socket.ts';
import { type EchoIdentity, type EchoPorts, echoLine } from './plan-echo.ts';

const MAX_BODY = 64 << 10;

/** One HTTP server for all light pods of the node: each connection knows whose it is. */
let http: Server | undefined;
const owners = new WeakMap<net.Socket, EchoIdentity>();

export interface EchoOptions {
  ports: EchoPorts;
  identity: EchoIdentity;
  /** Descriptor; absent: the node's own namespace. */
  netns: number | undefined;
  /** Families to listen on. */
  families: readonly (4 | 6)[];
}

/** Opens all sockets or none; ends with dispose, open connections too. */
export class EchoServer implements Disposable {
  readonly #servers: net.Server[] = [];
  readonly #datagrams: dgram.Socket[] = [];
  readonly #connections = new Set<net.Socket>();

  constructor(options: EchoOptions) {
    try {
      for (const family of options.families) this.#listen(options, family);
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  [Symbol.dispose](): void {
    for (const server of this.#servers) server.close();
    for (const socket of this.#datagrams) socket.close();
    for (const socket of this.#connections) socket.destroy();
  }

  #listen({ ports, identity, netns }: EchoOptions, family: 4 | 6): void {
    const address = family === 4 ? '0.0.0.0' : '::';
    const accept = (port: number, serve: (socket: net.Socket) => void): void => {
      const fd = listenTcp({ address, port, netns });
      this.#servers.push(acceptOn(fd, (socket) => this.#track(socket, serve)));
    };
    for (const port of ports.http) accept(port, (socket) => serveHttp(socket, identity));
    for (const port of ports.tcp) accept(port, (socket) => serveTcp(socket, identity));
    for (const port of ports.udp) {
      const fd = bindUdp({ address, port, netns });
      const socket = dgram.createSocket(family === 4 ? 'udp4' : 'udp6');
      this.#datagrams.push(socket);
      socket.on('error', () => undefined);
      socket.on('message', (message, peer) => {
        const line = Buffer.from(`${echoLine(identity, formatPeer(peer.address, peer.port))}\n`);
        socket.send([line, message], peer.port, peer.address, () => undefined);
      });
      socket.bind({ fd });
    }
  }

  #track(socket: net.Socket, serve: (socket: net.Socket) => void): void {
    this.#connections.add(socket);
    socket.once('close', () => this.#connections.delete(socket));
    socket.on('error', () => socket.destroy());
    serve(socket);
  }
}

const formatPeer = (address = '', port = 0): string =>
  address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;

function serveTcp(socket: net.Socket, identity: EchoIdentity): void {
  socket.write(`${echoLine(identity, formatPeer(socket.remoteAddress, socket.remotePort))}\n`);
  socket.pipe(socket);
}

function serveHttp(socket: net.Socket, identity: EchoIdentity): void {
  owners.set(socket, identity);
  http ??= createServer((request, response) => void answer(request, response));
  http.emit('connection', socket);
}

/** JSON about the request: who answered, who asked, and what arrived. `/healthz` and `/readyz` say ok. */
async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { method = '', url = '', headers, socket } = request;
  if (url === '/healthz' || url === '/readyz') {
    response.end('ok\n');
    return;
  }
  let body = '';
  try {
    for await (const chunk of request) if (body.length < MAX_BODY) body += String(chunk);
  } catch {
    return;
  }
  const about = {
    ...owners.get(socket),
    client: formatPeer(socket.remoteAddress, socket.remotePort),
    server: formatPeer(socket.localAddress, socket.localPort),
    method,
    path: url,
    headers,
    ...(body === '' ? {} : { body }),
  };
  response.setHeader('content-type', 'application/json');
  response.end(`${JSON.stringify(about, undefined, 2)}\n`);
}
