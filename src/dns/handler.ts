import type { DnsRecord } from '#wire/dns.ts';
import type { EdnsOption } from '#wire/dns-answer.ts';
import type { DnsQuery } from '#wire/dns-query.ts';
import type { BlockContext } from './plugin.ts';

/** Who asks. Transports may make `address` lazily: look at it only where it matters. */
export interface Client {
  readonly transport: 'udp' | 'tcp' | 'tls' | 'https';
  readonly family: 4 | 6;
  readonly address: string;
  readonly port: number;
  /** Where the query arrived. */
  readonly local: { readonly address: string; readonly port: number };
}

/** A query on its way through a server block. One object per query; a plugin that changes it makes its own. */
export interface DnsRequest {
  readonly query: DnsQuery;
  readonly client: Client;
  /** Bytes that a finished response may have. */
  readonly limit: number;
  readonly block: BlockContext;
  /** The plugin that made the answer, for metrics: who answers writes its name. */
  answeredBy: string;
  /** What plugins found out about it, for logs and the like; there where `metadata` is. */
  notes?: Map<string, string> | undefined;
  /** How many look-ups of the server's own it is below a client's query. */
  readonly depth: number;
}

/**
 * An answer not yet in bytes: the server adds header, question and OPT and cuts it to the limit. A message
 * made from it repeats the question as the client asked it.
 */
export interface DnsAnswer {
  /** Also those above 15. */
  readonly rcode: number;
  /** `HeaderFlag`s such as AA, RA and AD. QR, opcode, RD and CD are the server's. */
  readonly flags: number;
  readonly answers: readonly DnsRecord[];
  readonly authorities: readonly DnsRecord[];
  /** Without OPT. */
  readonly additionals: readonly DnsRecord[];
  /** For the OPT record, if the client sent one. */
  readonly options?: readonly EdnsOption[] | undefined;
  /** Why nobody could answer, for the log (`errors`); clients are not told. */
  readonly error?: string | undefined;
  /** A zone transfer: over TCP it may be several messages. */
  readonly transfer?: boolean | undefined;
}

/** The client shall hear nothing. */
export const DROP = Symbol('no response');

/**
 * Bytes: a finished response to exactly this request (ID, question, limit, OPT), as prepared answers give.
 * `DROP`: no response at all. Promises only where something has to be waited for: most queries are answered
 * in the turn that they came in.
 */
export type DnsResult = Buffer | DnsAnswer | typeof DROP;
export type DnsReply = DnsResult | Promise<DnsResult>;

export type Answerer = (request: DnsRequest) => DnsReply;

/** One link of the chain: answers, or hands on to `next`, whose reply it may change. */
export interface DnsHandler {
  readonly name: string;
  handle(request: DnsRequest, next: Answerer): DnsReply;
}

/** The handlers as one function, asked in order; `last` answers what none of them did. */
export function chain(handlers: readonly DnsHandler[], last: Answerer): Answerer {
  return handlers.reduceRight<Answerer>((next, handler) => (request) => handler.handle(request, next), last);
}
