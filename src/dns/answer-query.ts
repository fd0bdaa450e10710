import { CLASS_IN, ResponseCode } from '#wire/dns.ts';
import { respondEmpty } from '#wire/dns-answer.ts';
import { type DnsQuery, readQuery } from '#wire/dns-query.ts';
import { finishAnswer } from './finish-answer.ts';
import { type Answerer, type Client, type DnsRequest, type DnsResult, DROP } from './handler.ts';
import type { DnsMetrics } from './metrics.ts';
import type { BlockContext } from './plugin.ts';
import type { QueryService, Response } from './transport.ts';

const MIN_UDP_BYTES = 512;
const MAX_TCP_BYTES = 0xffff;

/** What every query goes through whatever its transport: is it one, is it ours to answer, count it. */
export function queryService(answer: Answerer, metrics: DnsMetrics): QueryService {
  return { answer: messageAnswerer(answer, metrics) };
}

function messageAnswerer(
  answer: Answerer,
  metrics: DnsMetrics,
): (message: Buffer, client: Client) => Response | Promise<Response> {
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
      client.transport !== 'udp' ? MAX_TCP_BYTES : Math.max(MIN_UDP_BYTES, query.edns?.udpSize ?? 0);
    try {
      const request: DnsRequest = { query, client, limit, block: NO_BLOCK, answeredBy: '' };
      const finish = (result: DnsResult): Response => {
        if (result === DROP) return undefined;
        return observe(Buffer.isBuffer(result) ? result : finishAnswer(request, result));
      };
      const reply = answer(request);
      if (!(reply instanceof Promise)) return finish(reply);
      return reply.then(finish, () => observe(empty(query, ResponseCode.SERVFAIL)));
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

const NO_BLOCK: BlockContext = {
  keys: [],
  server: 'dns://:53',
  zone: '.',
  view: '',
  plugins: [],
  metadata: () => undefined,
};
