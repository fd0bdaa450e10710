import { CLASS_IN, ResponseCode } from '#wire/dns.ts';
import { respondEmpty } from '#wire/dns-answer.ts';
import { type DnsQuery, readQuery } from '#wire/dns-query.ts';
import type { Answerer } from './handler.ts';
import type { DnsMetrics } from './metrics.ts';

/** Who asks, as far as it matters for the answer. */
export interface Client {
  readonly transport: 'udp' | 'tcp';
  readonly family: 4 | 6;
}

/** The response to one message; undefined when it deserves none. Never rejects. */
export type MessageAnswerer = (message: Buffer, client: Client) => Buffer | Promise<Buffer> | undefined;

const MIN_UDP_BYTES = 512;
const MAX_TCP_BYTES = 0xffff;

/** What every query goes through whatever its transport: is it one, is it ours to answer, count it. */
export function messageAnswerer(answer: Answerer, metrics: DnsMetrics): MessageAnswerer {
  return (message, client) => {
    const query = readQuery(message);
    if ('rejected' in query) {
      return query.rcode === undefined
        ? undefined
        : respondEmpty(message, query.questionEnd, query.rcode, undefined);
    }
    const startedMs = performance.now();
    const observe = (response: Buffer): Buffer => {
      metrics.observe(client, query.type, response, performance.now() - startedMs);
      return response;
    };
    const refused = refuse(query);
    if (refused !== undefined) return observe(empty(query, refused));
    const limit =
      client.transport === 'tcp' ? MAX_TCP_BYTES : Math.max(MIN_UDP_BYTES, query.edns?.udpSize ?? 0);
    try {
      const reply = answer({ query, transport: client.transport, limit });
      if (!(reply instanceof Promise)) return observe(reply);
      return reply.then(observe, () => observe(empty(query, ResponseCode.SERVFAIL)));
    } catch {
      metrics.panics++;
      return observe(empty(query, ResponseCode.SERVFAIL));
    }
  };
}

function refuse(query: DnsQuery): number | undefined {
  if (query.edns !== undefined && query.edns.version !== 0) return ResponseCode.BADVERS;
  return query.class === CLASS_IN ? undefined : ResponseCode.REFUSED;
}

function empty(query: DnsQuery, rcode: number): Buffer {
  return respondEmpty(query.message, query.questionEnd, rcode, query.edns);
}

/** The end of the chain: nobody had an answer. */
export const unanswered: Answerer = ({ query }) => empty(query, ResponseCode.SERVFAIL);
