import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { HOP_BY_HOP } from '#lib/hop-by-hop.ts';
import type { Dialer } from './cluster-dialer.ts';
import { splice } from './splice.ts';

/** An HTTP proxy: CONNECT, and requests with an absolute URL. */
export class HttpProxy {
  readonly #dialer: Dialer;
  readonly #server: Server;

  constructor(dialer: Dialer) {
    this.#dialer = dialer;
    this.#server = createServer((incoming, response) => void this.#forward(incoming, response));
    this.#server.on('connect', (incoming, client, head) => void this.#tunnel(incoming, client, head));
  }

  serve(client: Socket): void {
    this.#server.emit('connection', client);
  }

  async #tunnel({ url = '' }: IncomingMessage, client: Duplex, head: Buffer): Promise<void> {
    const target = URL.canParse(`connect://${url}`) ? new URL(`connect://${url}`) : undefined;
    if (target === undefined || target.port === '') {
      client.end(`HTTP/1.1 400 Bad Request\r\n\r\nCONNECT HOST:PORT is expected\n`);
      return;
    }
    try {
      const upstream = await this.#dialer.dial(bare(target.hostname), Number(target.port));
      client.write('HTTP/1.1 200 Connection established\r\n\r\n');
      if (head.length > 0) upstream.write(head);
      splice(client as Socket, upstream);
    } catch (error) {
      client.end(`HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/plain\r\n\r\n${(error as Error).message}\n`);
    }
  }

  async #forward(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const { url = '' } = incoming;
    if (!/^http:\/\//i.test(url) || !URL.canParse(url)) {
      response.writeHead(400, { 'content-type': 'text/plain' });
      response.end('this is a proxy: an absolute http:// URL is expected\n');
      return;
    }
    try {
      const target = new URL(url);
      const socket = await this.#dialer.dial(bare(target.hostname), Number(target.port || 80));
      const outgoing = request({
        createConnection: () => socket,
        method: incoming.method,
        path: `${target.pathname}${target.search}`,
        headers: { ...endToEnd(incoming.headers), host: target.host },
      });
      outgoing.on('response', (answer) => {
        response.writeHead(answer.statusCode ?? 502, endToEnd(answer.headers));
        answer.pipe(response);
      });
      outgoing.on('error', (error) => refuse(response, error));
      response.on('close', () => socket.destroy());
      incoming.pipe(outgoing);
    } catch (error) {
      refuse(response, error as Error);
    }
  }
}

function refuse(response: ServerResponse, error: Error): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  response.writeHead(502, { 'content-type': 'text/plain' });
  response.end(`${error.message}\n`);
}

function endToEnd(headers: IncomingMessage['headers']): IncomingMessage['headers'] {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !HOP_BY_HOP.has(name)));
}

/** URLs have IPv6 addresses in brackets. */
function bare(hostname: string): string {
  return hostname.replace(/^\[|\]$/g, '');
}
