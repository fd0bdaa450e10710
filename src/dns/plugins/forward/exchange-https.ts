import type { ClientHttp2Session, connect as connectHttp2 } from 'node:http2';
import type { SecureContext } from 'node:tls';
import { formatAddressPort } from '#lib/ip.ts';
import { NoAnswerError } from './error-text.ts';
import type { Exchanger } from './exchange.ts';
import { withId } from './exchange.ts';

const MEDIA_TYPE = 'application/dns-message';
const MAX_MESSAGE = 0xffff;

export interface HttpsOptions {
  readonly address: string;
  readonly port: number;
  readonly path: string;
  readonly method: 'GET' | 'POST';
  readonly expireMs: number;
  /** How old the connection may get; 0: no limit. */
  readonly maxAgeMs: number;
  readonly context: () => SecureContext;
  readonly serverName: string | undefined;
}

/** DNS over HTTPS (RFC 8484), over one HTTP/2 connection that is kept. */
export class HttpsExchanger implements Exchanger {
  readonly protocol = 'https';
  readonly #options: HttpsOptions;
  #session: ClientHttp2Session | undefined;
  #oldMs = Number.POSITIVE_INFINITY;

  constructor(options: HttpsOptions) {
    this.#options = options;
  }

  async exchange(query: Buffer, timeoutMs: number): Promise<Buffer> {
    const { path, method } = this.#options;
    // Loaded when it is needed: few clusters do. From here to the session nothing waits, so that there is one.
    const { connect } = await import('node:http2');
    if (performance.now() >= this.#oldMs) this.#session?.close();
    const known = this.#session;
    const session = known?.closed === false && !known.destroyed ? known : this.#connect(connect);
    // Always ID 0, so that caches on the way can tell equal queries (RFC 8484 §4.1).
    const message = withId(query, 0);
    const response =
      method === 'POST'
        ? await request(session, { ':method': 'POST', ':path': path }, message, timeoutMs)
        : await request(
            session,
            { ':path': `${path}?dns=${message.toString('base64url')}` },
            undefined,
            timeoutMs,
          );
    return withId(response, query.readUInt16BE(0));
  }

  [Symbol.dispose](): void {
    this.#session?.destroy();
  }

  #connect(connect: typeof connectHttp2): ClientHttp2Session {
    const { address, port, context, serverName, expireMs, maxAgeMs } = this.#options;
    const session = connect(`https://${formatAddressPort(address, port)}`, {
      secureContext: context(),
      ...(serverName === undefined ? {} : { servername: serverName }),
    });
    this.#session = session;
    if (maxAgeMs > 0) this.#oldMs = performance.now() + maxAgeMs;
    session.setTimeout(Math.max(1, expireMs), () => session.close());
    // Requests under way get the error themselves.
    session.on('error', () => session.destroy());
    session.unref();
    return session;
  }
}

function request(
  session: ClientHttp2Session,
  headers: Readonly<Record<string, string>>,
  body: Buffer | undefined,
  timeoutMs: number,
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const stream = session.request({
      ...headers,
      accept: MEDIA_TYPE,
      ...(body ? { 'content-type': MEDIA_TYPE } : {}),
    });
    const pieces: Buffer[] = [];
    let length = 0;
    let status = 0;
    const timer = setTimeout(() => stream.destroy(new NoAnswerError(timeoutMs)), timeoutMs);
    stream.on('response', (response) => {
      status = response[':status'] ?? 0;
    });
    stream.on('data', (piece: Buffer) => {
      length += piece.length;
      if (length > MAX_MESSAGE) stream.destroy(new Error('the answer is larger than a DNS message'));
      else pieces.push(piece);
    });
    stream.on('error', reject);
    stream.on('close', () => {
      clearTimeout(timer);
      if (status !== 200) reject(new Error(`the server answered with HTTP status ${status}`));
      else if (length < 12) reject(new Error('the server answered with no DNS message'));
      else resolve(Buffer.concat(pieces));
    });
    stream.end(body);
  });
}
