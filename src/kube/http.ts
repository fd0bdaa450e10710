/**
 * One HTTP/1.1 exchange with an API server over a kept-alive connection. Bodies are JSON text.
 */
import {
  type ClientRequest,
  Agent as HttpAgent,
  request as httpRequest,
  type IncomingMessage,
} from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { ConnectionError } from './errors.ts';

/** How to reach an API server and who we are to it. */
export interface ClientConfig {
  /** For example `https://172.30.0.2:6443`; a path prefix is kept. */
  server: string;
  /** PEM text. Without it the system's certificates are trusted. */
  ca?: string | undefined;
  /** PEM text of the client certificate and of its key. */
  cert?: string | undefined;
  key?: string | undefined;
  token?: string | undefined;
  /** Asked for each request; wins over `token`. */
  tokenSource?: (() => string) | undefined;
  insecureSkipTlsVerify?: boolean | undefined;
  /** The name that the server's certificate must carry, when it is not the address dialled. */
  tlsServerName?: string | undefined;
  /** The namespace of the kubeconfig's context. */
  namespace?: string | undefined;
  userAgent?: string | undefined;
  /** Connections for ordinary requests; watches have one each. Default 16. */
  maxConnections?: number | undefined;
  /** Told of each response, for metrics. */
  onResponse?: ((response: { method: string; host: string; status: number }) => void) | undefined;
}

export interface HttpRequest {
  method: string;
  /** Path with its query. */
  path: string;
  body?: string | undefined;
  contentType?: string | undefined;
  accept?: string | undefined;
  signal?: AbortSignal | undefined;
  /** Without bytes for so long, the exchange fails. */
  idleTimeoutMs: number;
  /** Streams use connections of their own. */
  stream?: boolean | undefined;
}

export interface HttpResponse {
  status: number;
  retryAfterSeconds: number | undefined;
  /** `Warning` headers of the server. */
  warnings: string[];
  message: IncomingMessage;
}

/** The header that tells who we are; none when the certificate does. */
export function authorizationOf({ token, tokenSource }: ClientConfig): { authorization?: string } {
  const current = tokenSource?.() ?? token;
  return current ? { authorization: `Bearer ${current}` } : {};
}

/** Node's `servername` must not be an address; '' turns server name indication off. */
export function tlsOptions(config: ClientConfig): Record<string, unknown> {
  return {
    ca: config.ca,
    cert: config.cert,
    key: config.key,
    rejectUnauthorized: config.insecureSkipTlsVerify !== true,
    ...(config.tlsServerName === undefined ? {} : { servername: config.tlsServerName }),
  };
}

/** Keeps the connections to one server. */
export class HttpConnections implements Disposable {
  readonly #url: URL;
  readonly #config: ClientConfig;
  readonly #requests: HttpAgent;
  readonly #streams: HttpAgent;
  readonly #host: string;
  readonly #prefix: string;

  constructor(config: ClientConfig) {
    this.#config = config;
    this.#url = new URL(config.server);
    this.#host = this.#url.hostname.replace(/^\[|\]$/g, '');
    this.#prefix = this.#url.pathname.replace(/\/$/, '');
    const Agent = this.#url.protocol === 'https:' ? HttpsAgent : HttpAgent;
    const tls = this.#url.protocol === 'https:' ? tlsOptions(config) : {};
    const keep = { keepAlive: true, keepAliveMsecs: 30_000, noDelay: true, scheduling: 'lifo' as const };
    this.#requests = new Agent({ ...keep, ...tls, maxSockets: config.maxConnections ?? 16 });
    this.#streams = new Agent({ ...keep, ...tls, maxSockets: Infinity });
  }

  /** Sends one request; resolves with the head of the response. Rejects with ConnectionError, or the signal's reason. */
  send(request: HttpRequest): Promise<HttpResponse> {
    const what = `${request.method} ${this.#config.server}${request.path}`;
    return new Promise((resolve, reject) => {
      if (request.signal?.aborted) {
        reject(request.signal.reason as Error);
        return;
      }
      const outgoing = this.#open(request);
      const abort = () => outgoing.destroy(request.signal?.reason as Error);
      request.signal?.addEventListener('abort', abort);
      outgoing.on('close', () => request.signal?.removeEventListener('abort', abort));
      outgoing.on('timeout', () =>
        outgoing.destroy(new Error(`no answer within ${request.idleTimeoutMs} ms`)),
      );
      outgoing.on('response', (message) => {
        const status = message.statusCode ?? 0;
        this.#config.onResponse?.({ method: request.method, host: this.#url.host, status });
        resolve(headOf(message));
      });
      outgoing.on('error', (error) =>
        reject(request.signal?.aborted ? (request.signal.reason as Error) : new ConnectionError(what, error)),
      );
      outgoing.end(request.body);
    });
  }

  #open(request: HttpRequest): ClientRequest {
    const open = this.#url.protocol === 'https:' ? httpsRequest : httpRequest;
    return open({
      agent: request.stream ? this.#streams : this.#requests,
      method: request.method,
      host: this.#host,
      port: this.#url.port,
      path: this.#prefix + request.path,
      headers: this.#headers(request),
      timeout: request.idleTimeoutMs,
    });
  }

  #headers(request: HttpRequest): Record<string, string | number> {
    const headers: Record<string, string | number> = {
      accept: request.accept ?? 'application/json',
      'user-agent': this.#config.userAgent ?? 'portolan',
      ...authorizationOf(this.#config),
    };
    if (request.body !== undefined) {
      headers['content-type'] = request.contentType ?? 'application/json';
      headers['content-length'] = Buffer.byteLength(request.body);
    }
    return headers;
  }

  /** Closes every connection; requests under way fail. */
  [Symbol.dispose](): void {
    this.#requests.destroy();
    this.#streams.destroy();
  }
}

function headOf(message: IncomingMessage): HttpResponse {
  const retryAfter = message.headers['retry-after'];
  const seconds = retryAfter === undefined ? Number.NaN : Number(retryAfter);
  const warnings = message.headers['warning'];
  return {
    status: message.statusCode ?? 0,
    retryAfterSeconds: Number.isFinite(seconds) ? seconds : undefined,
    warnings: warnings === undefined ? [] : [warnings],
    message,
  };
}

/** The whole body as text. Rejects with ConnectionError when the connection breaks first. */
export function readText(message: IncomingMessage, what: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    message.on('data', (chunk: Buffer) => chunks.push(chunk));
    message.on('end', () =>
      resolve(chunks.length === 1 ? String(chunks[0]) : Buffer.concat(chunks).toString()),
    );
    message.on('error', (error) => reject(new ConnectionError(what, error)));
    message.on('close', () => {
      if (!message.complete) reject(new ConnectionError(what, new Error('connection closed before the end')));
    });
  });
}
