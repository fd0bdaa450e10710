import { createServer, type IncomingMessage, type OutgoingHttpHeaders, type ServerResponse } from 'node:http';
import { createSecureServer, type Http2ServerRequest, type Http2ServerResponse } from 'node:http2';
import type { Server } from 'node:net';
import { HEADER_BYTES } from '#wire/dns-constants.ts';
import { DNS_MESSAGE_TYPE, DNS_QUERY_PATH, freshnessSeconds, messageOfQueryString } from '#wire/dns-https.ts';
import { handshakeOptions, mayStay } from './client-certificate.ts';
import type { ListenAddress } from './config.ts';
import { Connections, DEFAULT_STREAM_LIMITS, type StreamLimits } from './connections.ts';
import { clientOf, listenOn, type StreamOptions } from './serve-tcp.ts';
import { logKeys, type ServerTls } from './serve-tls.ts';
import type { Listener, QueryService } from './transport.ts';

const MAX_MESSAGE_BYTES = 0xffff;

const NO_BODY = Buffer.alloc(0);

type Request = IncomingMessage | Http2ServerRequest;

/** What both versions of HTTP have. */
interface Reply {
  readonly gone: () => boolean;
  send(status: number, headers: OutgoingHttpHeaders, body: Buffer): void;
}

/** Why a request has no DNS answer, as HTTP says it. */
interface Refusal {
  readonly status: number;
  readonly allow?: string;
}

/**
 * Serves DNS over HTTPS (RFC 8484), HTTP/2 and 1.1, GET and POST. Without a certificate it is HTTP/1.1 in
 * clear text, for servers that end TLS in front of it.
 */
export async function serveHttps(
  listen: ListenAddress,
  service: QueryService,
  tls: ServerTls | undefined,
  { reusePort, limits: given }: StreamOptions = {},
): Promise<Listener> {
  const limits = { ...DEFAULT_STREAM_LIMITS, ...given };
  const connections = new Connections(Number.POSITIVE_INFINITY);
  const onRequest = (request: Request, response: ServerResponse | Http2ServerResponse): void => {
    void answerRequest(request, replyOf(response), service, listen);
  };
  const server =
    tls === undefined ? plainServer(limits, onRequest) : secureServer(tls, limits.maxPipelined, onRequest);
  server.maxConnections = limits.maxConnections;
  server.on('connection', (socket) => {
    connections.add(socket);
    // HTTP/2 sessions have no time-out of their own here; a socket without traffic ends, of any kind.
    socket.setTimeout(limits.idleMs, () => socket.destroy());
    socket.on('error', () => socket.destroy());
  });
  const address = await listenOn(server, listen, { what: 'HTTPS', reusePort });
  return { address, [Symbol.asyncDispose]: () => connections.close(server) };
}

type OnRequest = (request: Request, response: ServerResponse | Http2ServerResponse) => void;

function plainServer({ readMs, idleMs }: StreamLimits, onRequest: OnRequest): Server {
  const times = { headersTimeout: readMs, requestTimeout: readMs, keepAliveTimeout: idleMs };
  return createServer({ ...times, connectionsCheckingInterval: readMs }, onRequest);
}

function secureServer(tls: ServerTls, maxConcurrentStreams: number, onRequest: OnRequest): Server {
  const server = createSecureServer(
    {
      ...tls,
      ...handshakeOptions(tls.clientAuth),
      allowHTTP1: true,
      settings: { maxConcurrentStreams, maxHeaderListSize: 16_384 },
      maxSessionMemory: 2,
    },
    onRequest,
  );
  server.on('sessionError', () => undefined);
  server.on('tlsClientError', (_, socket) => socket.destroy());
  server.on('secureConnection', (socket) => {
    if (!mayStay(socket, tls.clientAuth)) socket.destroy();
  });
  logKeys(server, tls.keyLog);
  return server;
}

async function answerRequest(
  request: Request,
  reply: Reply,
  service: QueryService,
  listen: ListenAddress,
): Promise<void> {
  const message = await readMessage(request);
  if (message === undefined) return;
  if (!Buffer.isBuffer(message)) {
    if (!reply.gone())
      reply.send(message.status, message.allow === undefined ? {} : { allow: message.allow }, NO_BODY);
    return;
  }
  const response = await service.answer(message, clientOf(request.socket, 'https', listen));
  // Dropped, or a zone transfer of several messages, which HTTP has no form for.
  const [only] = Buffer.isBuffer(response) ? [response] : response?.length === 1 ? response : [];
  if (reply.gone()) return;
  if (only === undefined) reply.send(400, {}, NO_BODY);
  else {
    const freshness = `max-age=${freshnessSeconds(only)}`;
    reply.send(
      200,
      { 'content-type': DNS_MESSAGE_TYPE, 'cache-control': freshness, 'content-length': only.length },
      only,
    );
  }
}

/** The query of a request, why it is refused, or undefined when the client went away. */
async function readMessage(request: Request): Promise<Buffer | Refusal | undefined> {
  const [path, search = ''] = (request.url ?? '').split('?', 2);
  if (path !== DNS_QUERY_PATH) return { status: 404 };
  if (request.method !== 'GET' && request.method !== 'POST') return { status: 405, allow: 'GET, POST' };
  if (request.method === 'POST' && !isDnsMessage(request.headers['content-type'])) return { status: 415 };
  const message = request.method === 'GET' ? messageOfQueryString(search) : await readBody(request);
  if (message === 'gone') return undefined;
  if (message === 'too large') return { status: 413 };
  return message === undefined || message.length < HEADER_BYTES ? { status: 400 } : message;
}

/** A media type in any case, parameters behind it or not (RFC 9110 §8.3.1). */
function isDnsMessage(contentType = ''): boolean {
  return contentType.split(';', 1)[0]?.trim().toLowerCase() === DNS_MESSAGE_TYPE;
}

async function readBody(request: Request): Promise<Buffer | 'too large' | 'gone'> {
  const pieces: Buffer[] = [];
  let length = 0;
  try {
    for await (const piece of request as AsyncIterable<Buffer>) {
      length += piece.length;
      if (length > MAX_MESSAGE_BYTES) return 'too large';
      pieces.push(piece);
    }
  } catch {
    return 'gone';
  }
  return Buffer.concat(pieces);
}

function replyOf(response: ServerResponse | Http2ServerResponse): Reply {
  response.on('error', () => undefined);
  if ('stream' in response) {
    return {
      gone: () => response.stream.destroyed,
      send(status, headers, body) {
        response.writeHead(status, headers);
        response.end(body);
      },
    };
  }
  return {
    gone: () => response.destroyed,
    send(status, headers, body) {
      response.writeHead(status, headers);
      response.end(body);
    },
  };
}
