import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { Agent, request as httpsRequest, type RequestOptions } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Json, JsonMap } from './recorded-values.ts';

export interface Reply {
  readonly code: number;
  readonly headers: IncomingHttpHeaders;
  readonly warnings: readonly string[];
  readonly json?: Json;
  readonly text?: string;
  readonly events?: readonly JsonMap[];
  readonly closed?: boolean;
}

export interface Call {
  readonly method: string;
  readonly path: string;
  readonly headers?: Record<string, string>;
  readonly body?: string | undefined;
}

/** The administrator of a server, over HTTPS. */
export class RecordedClient implements Disposable {
  readonly #base: URL;
  readonly #agent: Agent;
  readonly #headers: Record<string, string>;

  constructor(server: string, ca: string, token: string) {
    this.#base = new URL(server);
    this.#agent = new Agent({ keepAlive: true, ca });
    this.#headers = {
      'user-agent': 'replay/1',
      accept: 'application/json',
      authorization: `Bearer ${token}`,
    };
  }

  async call(call: Call): Promise<Reply> {
    const response = await this.open(call);
    const text = Buffer.concat(await Array.fromAsync(response as AsyncIterable<Buffer>)).toString();
    const reply = {
      code: response.statusCode ?? 0,
      headers: response.headers,
      warnings: warningsOf(response),
    };
    try {
      return { ...reply, json: JSON.parse(text) as Json };
    } catch {
      return { ...reply, text };
    }
  }

  /** Sends a request and gives the answer as a stream. */
  open({ method, path, headers = {}, body }: Call): Promise<IncomingMessage> {
    const url = new URL(path.replaceAll(' ', '%20'), this.#base);
    const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) };
    const options: RequestOptions = {
      method,
      agent: this.#agent,
      headers: { ...this.#headers, ...headers, ...length },
    };
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    httpsRequest(url, options, resolve).on('error', reject).end(body);
    return promise;
  }

  [Symbol.dispose](): void {
    this.#agent.destroy();
  }
}

/** How long a watch must be silent before its events are complete. */
const QUIET_MS = 150;
const LIMIT_MS = 5000;

/** An open watch whose events are taken in portions. */
export class RecordedWatch {
  readonly #response: IncomingMessage;
  #events: JsonMap[] = [];
  #rest = '';
  #closed = false;

  constructor(response: IncomingMessage) {
    this.#response = response;
    response.setEncoding('utf8');
    response.on('data', (chunk: string) => {
      const lines = (this.#rest + chunk).split('\n');
      this.#rest = lines.pop() ?? '';
      for (const line of lines) if (line !== '') this.#events.push(JSON.parse(line) as JsonMap);
    });
    response.on('close', () => (this.#closed = true)).on('error', () => (this.#closed = true));
  }

  /** The next `count` events and whatever follows before the stream falls silent or, when asked for, ends. */
  async take(count: number, untilClosed: boolean): Promise<Reply> {
    for (let waitedMs = 0, seen = -1; waitedMs < LIMIT_MS && !this.#closed; waitedMs += QUIET_MS) {
      if (!untilClosed && this.#events.length >= count && this.#events.length === seen) break;
      seen = this.#events.length;
      await sleep(QUIET_MS);
    }
    const events = this.#events;
    this.#events = [];
    return { code: 200, headers: {}, warnings: [], events, ...(untilClosed && { closed: this.#closed }) };
  }

  stop(): void {
    this.#response.destroy();
  }
}

/** The texts of the Warning headers. */
export function warningsOf({ rawHeaders }: IncomingMessage): string[] {
  const values = rawHeaders.filter((_, i) => i % 2 === 1 && rawHeaders[i - 1]?.toLowerCase() === 'warning');
  return values.map(
    (value) => /^299 - "((?:[^"\\]|\\.)*)"/.exec(value)?.[1]?.replaceAll(/\\(.)/g, '$1') ?? value,
  );
}
