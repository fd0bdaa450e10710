/** Mutated queries over connections: TCP, TLS and HTTPS. */
import { once } from 'node:events';
import { type ClientHttp2Session, connect as connectHttp2 } from 'node:http2';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { HEADER_BYTES } from '#wire/dns.ts';
import { DnsFrameReader, frameMessage } from '#wire/dns-tcp.ts';
import { queries } from './dns-messages.ts';
import { mutate, Random } from './mutate.ts';

export interface FuzzedServer {
  readonly plain: number;
  readonly tls: number;
  readonly https: number;
  /** In PEM; it signed itself. */
  readonly certificate: string;
}

export interface StreamReport {
  readonly sent: number;
  readonly answered: number;
}

/** Queries per connection: as many as a session of HTTP/2 may have at once. */
const WINDOW = 50;
const CONNECTIONS = 64;
const TYPE = 'application/dns-message';
/** What a server of HTTPS may say to a request that is wrong; 5xx means that it broke. */
const STATUSES = new Set([200, 400, 404, 405, 413, 414, 415, 431]);

/** Throws when a server says what is no response, answers more than it was asked, or breaks. */
export async function fuzzStreams(
  server: FuzzedServer,
  count: number,
  seed: number,
): Promise<Readonly<Record<'tcp' | 'tls' | 'https', StreamReport>>> {
  const host = '127.0.0.1';
  const open = (): Socket =>
    connectTls({ host, port: server.tls, ca: server.certificate, servername: 'localhost' });
  return {
    tcp: await fuzzFrames(() => connect(server.plain, host), count, seed),
    tls: await fuzzFrames(open, count, seed + 1),
    https: await fuzzHttps(server, count, seed + 2),
  };
}

/** Several connections at once: each is as slow as the slowest of its answers. */
async function inParallel(
  count: number,
  seed: number,
  ask: (messages: readonly Buffer[], random: Random) => Promise<number>,
): Promise<StreamReport> {
  const seeds = queries();
  let left = count;
  let answered = 0;
  const work = async (random: Random): Promise<void> => {
    while (left > 0) {
      const size = Math.min(left, WINDOW);
      left -= size;
      const messages = Array.from({ length: size }, () => mutate(random.pick(seeds), random, seeds));
      const heard = await ask(messages, random);
      answered += heard;
    }
  };
  await Promise.all(
    Array.from({ length: CONNECTIONS }, (_, at) => work(new Random(seed * CONNECTIONS + at))),
  );
  return { sent: count, answered };
}

/** Mutated frames, some with mutated lengths; connections that the server cuts are opened anew. */
function fuzzFrames(open: () => Socket, count: number, seed: number): Promise<StreamReport> {
  return inParallel(count, seed, async (all, random) => {
    // What is shorter than a header ends a connection, and loses the others' answers: only some have such.
    const isHard = random.below(4) === 0;
    const messages = all.filter((message) => isHard || message.length >= HEADER_BYTES);
    const bytes = Buffer.concat(messages.map(frameMessage));
    const heard = await exchange(open(), isHard ? mutate(bytes, random, all) : bytes);
    if (!isHard && heard > messages.length) throw new Error(`${heard} answers to ${messages.length} queries`);
    return heard;
  });
}

async function exchange(socket: Socket, bytes: Buffer): Promise<number> {
  const reader = new DnsFrameReader();
  let answers = 0;
  let problem: Error | undefined;
  // A server may cut off who sends what is no DNS.
  socket.on('error', () => undefined);
  const closed = new Promise((resolve) => socket.once('close', resolve));
  socket.on('data', (piece: Buffer) => {
    for (const response of reader.push(piece)) {
      answers++;
      if (!isResponse(response)) problem = new Error(`no response: ${response.toString('hex')}`);
    }
  });
  socket.end(bytes);
  await closed;
  if (problem !== undefined) throw problem;
  return answers;
}

/** Mutated messages as bodies and in query strings, now and then with another method, path or type. */
function fuzzHttps(server: FuzzedServer, count: number, seed: number): Promise<StreamReport> {
  return inParallel(count, seed, async (messages, random) => {
    const session = connectHttp2(`https://localhost:${server.https}`, {
      ca: server.certificate,
      lookup: (_, __, callback) => callback(null, [{ address: '127.0.0.1', family: 4 }]),
    });
    session.on('error', () => undefined);
    try {
      const statuses = await Promise.all(messages.map((message) => request(session, message, random)));
      const broken = statuses.find((status) => !STATUSES.has(status));
      if (broken !== undefined) throw new Error(`HTTPS answered ${broken}`);
      return statuses.filter((status) => status === 200).length;
    } finally {
      session.close();
    }
  });
}

async function request(session: ClientHttp2Session, message: Buffer, random: Random): Promise<number> {
  const wrong = random.below(16);
  const isGet = random.below(2) === 0;
  const path = wrong === 0 ? '/other' : '/dns-query';
  const text = wrong === 1 ? message.toString('base64') : message.toString('base64url');
  const stream = session.request(
    isGet
      ? { ':method': 'GET', ':path': `${path}?dns=${encodeURI(text)}`, accept: TYPE }
      : {
          ':method': wrong === 2 ? 'PUT' : 'POST',
          ':path': path,
          'content-type': wrong === 3 ? 'text/plain' : TYPE,
        },
  );
  stream.end(isGet ? undefined : message);
  const chunks: Buffer[] = [];
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  const [headers] = (await once(stream, 'response')) as [{ ':status'?: number }];
  await once(stream, 'end');
  const body = Buffer.concat(chunks);
  const status = headers[':status'] ?? 0;
  if (status === 200 && !isResponse(body)) throw new Error(`no response: ${body.toString('hex')}`);
  return status;
}

function isResponse(message: Buffer): boolean {
  return message.length >= HEADER_BYTES && ((message[2] ?? 0) & 0x80) !== 0;
}
