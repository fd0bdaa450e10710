import type { DnsQuery } from '#wire/dns-query.ts';

/** A query and what its transport allows. */
export interface DnsRequest {
  readonly query: DnsQuery;
  readonly transport: 'udp' | 'tcp';
  /** Bytes that the response may have. */
  readonly limit: number;
}

/** A whole response message. Only look-ups outside the cluster take time; the others answer at once. */
export type DnsReply = Buffer | Promise<Buffer>;

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
