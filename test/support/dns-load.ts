// Asks a DNS server at a steady rate and never twice, until its standard input ends; then prints what came of it.
//
//   node dns-load.ts SERVER MODE QUERIES_PER_SECOND NAME
//
// A program of its own with nothing but Node, so that it can be run in the network of a pod.
import { createSocket } from 'node:dgram';
import { connect, type Socket } from 'node:net';
import { performance } from 'node:perf_hooks';

/** `udp-new`: a socket, and so a source port, for every query. `udp-kept`: one for all. `tcp-new`: a connection for every one. */
export type LoadMode = 'udp-new' | 'udp-kept' | 'tcp-new';

export interface LoadFailure {
  /** By the wall clock, so that failures can be laid beside what was done to the servers. */
  readonly atMs: number;
  readonly why: string;
}

export interface LoadResult {
  readonly mode: LoadMode;
  readonly asked: number;
  readonly failures: readonly LoadFailure[];
  readonly slowestMs: number;
  /** Answers that took longer than 100 ms. */
  readonly slow: number;
}

/** How long a client waits, by its own clock. */
const TIMEOUT_MS = 2000;
const TICK_MS = 2;
const MAX_BURST = 50;
/** Of a response: that it is one, that it is cut off, and its code. */
const VERDICT_FLAGS = 0x820f;
const GOOD = 0x8000;
const TYPE_A = [0, 1, 0, 1];

class Tally {
  readonly failures: LoadFailure[] = [];
  asked = 0;
  slowestMs = 0;
  slow = 0;

  begin(): Look {
    this.asked++;
    return new Look(this);
  }
}

/** One look-up: it ends once, with an answer or a reason. */
class Look {
  readonly #tally: Tally;
  readonly #startMs = performance.now();
  readonly #ended = Promise.withResolvers<void>();
  readonly #timer: NodeJS.Timeout;
  #over = false;

  constructor(tally: Tally) {
    this.#tally = tally;
    // The answer may lie in the socket of a client that had no CPU for a while: it is read before the verdict.
    this.#timer = setTimeout(() => setImmediate(() => this.fail('no answer')), TIMEOUT_MS);
  }

  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  answer(message: Buffer): void {
    const tookMs = performance.now() - this.#startMs;
    const flags = message.readUInt16BE(2);
    if (tookMs > TIMEOUT_MS) this.fail(`answered after ${Math.round(tookMs)} ms`);
    else if ((flags & VERDICT_FLAGS) !== GOOD) this.fail(`flags ${flags.toString(16)}`);
    else if (message.readUInt16BE(6) === 0) this.fail('no records');
    else if (this.#end()) {
      this.#tally.slowestMs = Math.max(this.#tally.slowestMs, tookMs);
      if (tookMs > 100) this.#tally.slow++;
    }
  }

  fail(why: string): void {
    if (this.#end()) this.#tally.failures.push({ atMs: Date.now(), why });
  }

  #end(): boolean {
    if (this.#over) return false;
    this.#over = true;
    clearTimeout(this.#timer);
    this.#ended.resolve();
    return true;
  }
}

type Ask = (look: Look, id: number) => void;

function query(id: number, name: string): Buffer {
  const labels = name.split('.').map((label) => Buffer.from([label.length, ...Buffer.from(label)]));
  const header = Buffer.from([id >> 8, id & 255, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
  return Buffer.concat([header, ...labels, Buffer.from([0, ...TYPE_A])]);
}

function prefixed(message: Buffer): Buffer {
  return Buffer.concat([Buffer.from([message.length >> 8, message.length & 255]), message]);
}

const udpNew = (server: string, name: string): Ask => {
  return (look, id) => {
    const socket = createSocket(server.includes(':') ? 'udp6' : 'udp4');
    socket.on('error', (error: NodeJS.ErrnoException) => look.fail(error.code ?? error.message));
    socket.on('message', (message) => look.answer(message));
    socket.connect(53, server, () => socket.send(query(id, name)));
    void look.ended.then(() => socket.close());
  };
};

const udpKept = (server: string, name: string): Ask => {
  const looks = new Map<number, Look>();
  const socket = createSocket(server.includes(':') ? 'udp6' : 'udp4').unref();
  const failAll = (why: string): void => {
    for (const look of looks.values()) look.fail(why);
  };
  socket.on('error', (error: NodeJS.ErrnoException) => failAll(error.code ?? error.message));
  socket.on('message', (message) => looks.get(message.readUInt16BE(0))?.answer(message));
  const connected = new Promise<void>((resolve) => socket.connect(53, server, resolve));
  return (look, id) => {
    looks.set(id, look);
    void connected.then(() => socket.send(query(id, name)));
    void look.ended.then(() => looks.delete(id));
  };
};

/** Hands on whole messages of a stream. */
function onMessages(socket: Socket, handle: (message: Buffer) => void): void {
  let rest = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => {
    rest = Buffer.concat([rest, chunk]);
    while (rest.length >= 2 && rest.length >= 2 + rest.readUInt16BE(0)) {
      const end = 2 + rest.readUInt16BE(0);
      handle(rest.subarray(2, end));
      rest = rest.subarray(end);
    }
  });
}

const tcpNew = (server: string, name: string): Ask => {
  return (look, id) => {
    const socket = connect({ host: server, port: 53, noDelay: true });
    socket.on('error', (error: NodeJS.ErrnoException) => look.fail(error.code ?? error.message));
    socket.on('close', () => look.fail('closed without an answer'));
    onMessages(socket, (message) => look.answer(message));
    socket.write(prefixed(query(id, name)));
    void look.ended.then(() => socket.destroy());
  };
};

const MODES: Readonly<Record<LoadMode, (server: string, name: string) => Ask>> = {
  'udp-new': udpNew,
  'udp-kept': udpKept,
  'tcp-new': tcpNew,
};

async function main([server = '', mode = '', rate = '', name = '']: string[]): Promise<void> {
  const loadMode = mode as LoadMode;
  const ask = MODES[loadMode](server, name);
  const tally = new Tally();
  const pending = new Set<Promise<void>>();
  let skipped = 0;
  const startMs = performance.now();
  const ticks = setInterval(() => {
    const due = Math.floor(((performance.now() - startMs) / 1000) * Number(rate));
    for (let sent = 0; tally.asked + skipped < due; sent++) {
      // A client that had no CPU for long does not make up for all of it in one burst.
      if (sent === MAX_BURST) {
        skipped = due - tally.asked;
        return;
      }
      const look = tally.begin();
      const ended = look.ended.then(() => void pending.delete(ended));
      pending.add(ended);
      ask(look, tally.asked & 0xffff);
    }
  }, TICK_MS);
  process.stdin.resume();
  await new Promise((resolve) => process.stdin.once('end', resolve));
  clearInterval(ticks);
  await Promise.all(pending);
  const { asked, failures, slowestMs, slow } = tally;
  const result: LoadResult = { mode: loadMode, asked, failures, slowestMs: Math.round(slowestMs), slow };
  process.stdout.write(`${JSON.stringify(result)}\n`);
}

if (import.meta.main) await main(process.argv.slice(2));
