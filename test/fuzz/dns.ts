// Sends mutated packets to a DNS server and through the decoders, mutated texts through what reads Corefiles, zone files
// and the like, and says what came of it.
//
//     node test/fuzz/dns.ts [COUNT=1000000] [SEED=1]
//
// It fails when a decoder throws anything but its own error, when the server stops answering or logs an error, when an
// answer is larger than the query allows, or when memory grows with the number of packets.
import { fork } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { udpLimit } from '#dns/transport.ts';
import { DnsFormatError, decodeMessage, HEADER_BYTES } from '#wire/dns.ts';
import { freshnessSeconds } from '#wire/dns-https.ts';
import { readPlainQuery } from '#wire/dns-plain-query.ts';
import { questionLabels, readQuery } from '#wire/dns-query.ts';
import { DnsFrameReader } from '#wire/dns-tcp.ts';
import { queries, responses } from './dns-messages.ts';
import type { FuzzedState } from './dns-server.ts';
import { type FuzzedServer, fuzzStreams } from './dns-streams.ts';
import { fuzzTexts } from './dns-texts.ts';
import { mutate, Random } from './mutate.ts';

/** Packets that may be on their way at once: what the socket's buffer surely holds. */
const WINDOW = 200;
/** Packets kept per ID. */
const REMEMBERED = 8;
/** Of the memory in use, from a tenth of the packets to all of them. */
const MAX_GROWTH_BYTES = 8 << 20;

export interface FuzzReport {
  readonly sent: number;
  readonly answered: number;
  /** Bytes of the largest answer, and the largest relation of an answer to its query. */
  readonly largest: number;
  readonly amplification: number;
  readonly streams: Awaited<ReturnType<typeof fuzzStreams>>;
  readonly growthBytes: number;
}

/** Mutated messages through every decoder. Throws what they throw beyond their own error. */
export function fuzzDecoders(count: number, seed: number): void {
  const random = new Random(seed);
  const seeds = [...queries(), ...responses()];
  const plain = { nameEnd: 0, questionEnd: 0, type: 0, hash: 0, hasEdns: false, udpSize: 0, dnssecOk: false };
  for (let i = 0; i < count; i++) {
    const message = mutate(random.pick(seeds), random, seeds);
    const query = readQuery(message);
    const isPlain = readPlainQuery(message, 0, message.length, 1, plain);
    if (!('rejected' in query)) questionLabels(query);
    else if (isPlain) throw new Error(`a plain query is none: ${message.toString('hex')}`);
    freshnessSeconds(message);
    new DnsFrameReader().push(message);
    try {
      decodeMessage(message);
    } catch (error) {
      if (!(error instanceof DnsFormatError)) throw error;
    }
  }
}

/** Mutated queries to a server over UDP; a twentieth as many each over TCP, TLS and HTTPS. */
export async function fuzzServer(count: number, seed: number): Promise<FuzzReport> {
  const server = fork(join(import.meta.dirname, 'dns-server.ts'), [String(seed)], {
    execArgv: ['--expose-gc'],
  });
  let fuzzer: UdpFuzzer | undefined;
  try {
    const [ports] = (await once(server, 'message')) as [FuzzedServer];
    const state = async (): Promise<FuzzedState> => {
      server.send('state');
      const [told] = (await once(server, 'message')) as [FuzzedState];
      if (told.log.length > 0) throw new Error(`the server logged:\n${told.log.slice(0, 5).join('\n')}`);
      return told;
    };
    fuzzer = new UdpFuzzer(ports.plain, seed);
    await fuzzer.send(count / 10);
    await fuzzStreams(ports, Math.floor(count / 200), seed + 9);
    const early = await state();
    await fuzzer.send(count - count / 10);
    const streams = await fuzzStreams(ports, Math.floor(count / 20), seed);
    const late = await state();
    await fuzzer.alive();
    const growthBytes = late.heapBytes - early.heapBytes;
    if (growthBytes > MAX_GROWTH_BYTES) throw new Error(`memory in use grew by ${growthBytes} bytes`);
    return { ...fuzzer.report, streams, growthBytes };
  } finally {
    fuzzer?.close();
    server.disconnect();
  }
}

class UdpFuzzer {
  readonly report = { sent: 0, answered: 0, largest: 0, amplification: 0 };
  readonly #socket = createSocket('udp4');
  readonly #port: number;
  readonly #random: Random;
  readonly #seeds = queries();
  /** What was sent under each ID, the last first: IDs come again before late answers have come. */
  readonly #sent = new Map<number, Buffer[]>();
  #id = 0;
  #problem: Error | undefined;
  #marker: (() => void) | undefined;

  constructor(port: number, seed: number) {
    this.#port = port;
    this.#random = new Random(seed);
    this.#socket.on('message', (response) => this.#check(response));
  }

  async send(count: number): Promise<void> {
    for (let left = count; left > 0; left -= WINDOW) {
      for (let i = Math.min(left, WINDOW); i > 0; i--) {
        const message = mutate(this.#random.pick(this.#seeds), this.#random, this.#seeds);
        this.#id = (this.#id + 1) % 0xffff;
        if (message.length >= 2) message.writeUInt16BE(this.#id, 0);
        this.#sent.set(this.#id, [message, ...(this.#sent.get(this.#id) ?? [])].slice(0, REMEMBERED));
        this.#socket.send(message, this.#port, '127.0.0.1');
        this.report.sent++;
      }
      await this.alive();
    }
  }

  /** Resolves when the server has answered a good query. */
  async alive(): Promise<void> {
    const good = Buffer.from(this.#seeds[0] ?? []);
    good.writeUInt16BE(0xffff, 0);
    for (let attempt = 0; attempt < 50; attempt++) {
      const answered = new Promise<true>((resolve) => {
        this.#marker = () => resolve(true);
      });
      this.#socket.send(good, this.#port, '127.0.0.1');
      if ((await Promise.race([answered, delay(200, false, { ref: false })])) && this.#problem === undefined)
        return;
      if (this.#problem !== undefined) throw this.#problem;
    }
    throw new Error('the server no longer answers');
  }

  close(): void {
    this.#socket.close();
  }

  #check(response: Buffer): void {
    const id = response.readUInt16BE(0);
    if (id === 0xffff) {
      this.#marker?.();
      return;
    }
    const { report } = this;
    const queries = (this.#sent.get(id) ?? []).filter((query) => isAnswerTo(response, query));
    report.answered++;
    report.largest = Math.max(report.largest, response.length);
    const lengths = queries.map((query) => query.length);
    if (lengths.length > 0)
      report.amplification = Math.max(report.amplification, response.length / Math.max(...lengths));
    if (((response[2] ?? 0) & 0x80) === 0)
      this.#problem ??= new Error(`no response: ${response.toString('hex')}`);
    if (response.length > Math.max(udpLimit(), ...queries.map(allowedBytes)))
      this.#problem ??= new Error(`${response.length} bytes: ${response.toString('hex', 0, 100)}`);
  }
}

/** Whether the question is the query's, or the response has none. */
function isAnswerTo(response: Buffer, message: Buffer): boolean {
  const query = readQuery(message);
  if ('rejected' in query) return response.readUInt16BE(4) === 0;
  return response
    .subarray(HEADER_BYTES, query.questionEnd)
    .equals(message.subarray(HEADER_BYTES, query.questionEnd));
}

/** How large an answer may be: what the query's OPT record offers, within the server's own limit. */
function allowedBytes(message: Buffer): number {
  const query = readQuery(message);
  const offered = 'rejected' in query ? 0 : (query.edns?.udpSize ?? 0);
  return udpLimit(offered);
}

if (import.meta.main) {
  const [count = 1_000_000, seed = 1] = process.argv.slice(2).map(Number);
  const startedMs = Date.now();
  fuzzDecoders(count, seed);
  console.log(`decoders: ${count} messages in ${((Date.now() - startedMs) / 1000).toFixed(1)} s`);
  const textsMs = Date.now();
  fuzzTexts(Math.floor(count / 10), seed);
  console.log(`texts: ${count / 10} in ${((Date.now() - textsMs) / 1000).toFixed(1)} s`);
  console.log('server:', await fuzzServer(count, seed));
}
