import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import {
  type DnsMessage,
  type DnsQuestion,
  decodeMessage,
  encodeMessage,
  formatName,
  HeaderFlag,
  RecordType,
  rcodeNumber,
  typeName,
} from '#wire/dns.ts';
import { DnsFrameReader, frameMessage } from '#wire/dns-tcp.ts';
import type { UpstreamRecord, UpstreamRule } from './dns-recording.ts';
import { optRecord, recordOf, wordEdns, wordFlags } from './dns-wording.ts';

type Protocol = 'udp' | 'tcp';

/** A name server that answers by rules, over UDP and TCP on one port of 127.0.0.1. */
export class ScriptedUpstream implements AsyncDisposable {
  readonly #rules: readonly UpstreamRule[];
  readonly #port: number;
  readonly #asked = new Map<UpstreamRule, number>();
  #log: string[] = [];
  #running: { readonly udp: UdpSocket; readonly tcp: Server } | undefined;
  readonly #connections = new Set<Disposable>();

  constructor(rules: readonly UpstreamRule[], port: number) {
    this.#rules = rules;
    this.#port = port;
  }

  async start(): Promise<void> {
    if (this.#running !== undefined) return;
    const udp = createSocket('udp4');
    udp.on('error', () => undefined);
    udp.on('message', (bytes, { address, port }) => {
      const response = this.#respond(bytes, 'udp');
      if (response !== undefined) udp.send(response, port, address);
    });
    const tcp = createServer((socket) => {
      const connection = { [Symbol.dispose]: () => void socket.destroy() };
      this.#connections.add(connection);
      const reader = new DnsFrameReader();
      socket.on('error', () => undefined);
      socket.on('close', () => this.#connections.delete(connection));
      socket.on('data', (piece: Buffer) => {
        for (const message of reader.push(piece)) {
          const response = this.#respond(message, 'tcp');
          if (response !== undefined) socket.write(frameMessage(response));
        }
      });
    });
    this.#running = { udp, tcp };
    udp.bind(this.#port, '127.0.0.1');
    tcp.listen(this.#port, '127.0.0.1');
    await Promise.all([once(udp, 'listening'), once(tcp, 'listening')]);
  }

  async stop(): Promise<void> {
    const running = this.#running;
    this.#running = undefined;
    if (running === undefined) return;
    const closed = [once(running.udp, 'close'), once(running.tcp, 'close')];
    running.udp.close();
    running.tcp.close();
    for (const connection of this.#connections) connection[Symbol.dispose]();
    await Promise.all(closed);
  }

  /** What it was asked since the last look: `NAME TYPE PROTOCOL flags=… edns=…`. */
  takeLog(): string[] {
    const log = this.#log;
    this.#log = [];
    return log;
  }

  #respond(bytes: Buffer, protocol: Protocol): Buffer | undefined {
    const query = decodeMessage(bytes);
    const [question] = query.questions;
    if (question === undefined) return undefined;
    // Health checks ask for the root.
    if (question.name.length === 0) return encodeMessage(reply(query, { rcode: 'NOERROR' }, [], protocol));
    const seen = describe(query, question, protocol);
    this.#log.push(seen);
    const found = this.#rules.find((rule) => matches(rule, question)) ?? { rcode: 'REFUSED' };
    const turn = (this.#asked.get(found) ?? 0) + 1;
    this.#asked.set(found, turn);
    const rule = { ...found, ...found.seq?.[Math.min(turn, found.seq.length) - 1] };
    if (rule.drop === true) return undefined;
    return encodeMessage(reply(query, rule, answersOf(rule, seen, turn), protocol));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }
}

function matches({ name = '*', type }: UpstreamRule, question: DnsQuestion): boolean {
  if (type !== undefined && type !== typeName(question.type)) return false;
  const asked = formatName(question.name).toLowerCase();
  if (name.startsWith('*.')) return asked.endsWith(name.slice(1).toLowerCase());
  return name === '*' || name.toLowerCase() === asked;
}

function answersOf(rule: UpstreamRule, seen: string, turn: number): readonly UpstreamRecord[] {
  const text = (ttl: number, data: string): UpstreamRecord[] => [{ type: 'TXT', ttl, data: `"${data}"` }];
  if (rule.many !== undefined) {
    const ttl = rule.ttl ?? 60;
    return Array.from({ length: rule.many }, (_, i) => ({ type: 'A', ttl, data: `198.51.100.${i + 1}` }));
  }
  if (rule.echo === true) return text(rule.ttl ?? 0, seen);
  if (rule.count === true) return text(rule.ttl ?? 60, `hit ${turn}`);
  return rule.answer ?? [];
}

function reply(
  query: DnsMessage,
  rule: UpstreamRule,
  answers: readonly UpstreamRecord[],
  protocol: Protocol,
): DnsMessage {
  const [question] = query.questions;
  const asked = formatName(question?.name ?? []);
  const records = (of: readonly UpstreamRecord[] = []) =>
    of.map((record) => recordOf({ ...record, name: (record.name ?? '{name}').replace('{name}', asked) }));
  const cut = rule.tcUdp === true && protocol === 'udp';
  const flags = [
    HeaderFlag.QR,
    query.flags & (HeaderFlag.RD | HeaderFlag.CD),
    rule.aa === true ? HeaderFlag.AA : 0,
    rule.ad === true ? HeaderFlag.AD : 0,
    rule.ra === false ? 0 : HeaderFlag.RA,
    cut || rule.tc === true ? HeaderFlag.TC : 0,
  ];
  return {
    id: query.id,
    flags: flags.reduce((bits, bit) => bits | bit, 0),
    opcode: 0,
    rcode: rcodeNumber(rule.rcode ?? 'NOERROR') ?? 0,
    questions: query.questions.slice(0, 1),
    answers: cut ? [] : records(answers),
    authorities: records(rule.authority),
    additionals: [...records(rule.additional), ...optOf(query)],
  };
}

/** An OPT record for a query that had one. */
function optOf(query: DnsMessage): ReturnType<typeof optRecord>[] {
  const opt = query.additionals.find(({ type }) => type === RecordType.OPT);
  return opt === undefined ? [] : [optRecord({ do: wordEdns(opt)?.do ?? false })];
}

function describe(query: DnsMessage, { name, type }: DnsQuestion, protocol: Protocol): string {
  const opt = query.additionals.find((record) => record.type === RecordType.OPT);
  const edns = opt === undefined ? null : wordEdns(opt);
  const options = (edns?.options ?? []).map(({ code, hex }) => `${code}:${hex}`).join(';');
  const words =
    edns === null ? 'none' : `${edns.size},v${edns.version},do${Number(edns.do)},opts[${options}]`;
  const flags = wordFlags(query.flags).join(',');
  return `${formatName(name)} ${typeName(type)} ${protocol} flags=${flags} edns=${words}`;
}
