import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { WebSocketServer } from 'ws';

export interface WebBackend {
  readonly port: number;
  /** What it was asked, in order. */
  readonly requests: IncomingMessage[];
  close(): void;
}

/** A web server on the loopback that tells what reached it; `/socket` echoes WebSocket messages. */
export async function startWebBackend(): Promise<WebBackend> {
  const requests: IncomingMessage[] = [];
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    requests.push(request);
    void answer(request, response);
  });
  const sockets = new WebSocketServer({ server, path: '/socket' });
  sockets.on('connection', (socket) => {
    socket.on('message', (data: Buffer) => socket.send(`echo ${data.toString()}`));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { port: (server.address() as AddressInfo).port, requests, close: () => server.close() };
}

const PAGE = '<a href="/next">ä</a>';

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const body = await text(request);
  switch (request.url) {
    case '/missing':
      response.writeHead(404).end();
      break;
    case '/moved':
      response.writeHead(302, { location: '/target' }).end();
      break;
    case '/page':
      response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(PAGE);
      break;
    case '/page.gz':
      response
        .writeHead(200, { 'content-type': 'text/html', 'content-encoding': 'gzip' })
        .end(gzipSync(PAGE));
      break;
    case '/large':
      response.end('x'.repeat(3_000_000));
      break;
    default:
      response.end(`${request.method} ${request.url}${body === '' ? '' : ` ${body}`}`);
  }
}
