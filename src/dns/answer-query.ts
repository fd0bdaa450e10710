import { ResponseCode } from '#wire/dns.ts';
import { respondEmpty } from '#wire/dns-answer.ts';
import { type DnsQuery, readQuery } from '#wire/dns-query.ts';
import { AnswerCounts, laneOf } from './answer-counts.ts';
import type { AnswerTable } from './answer-table.ts';
import { finishAnswer, structured } from './finish-answer.ts';
import { finishTransfer } from './finish-transfer.ts';
import { type Client, type DnsAnswer, type DnsRequest, type DnsResult, DROP } from './handler.ts';
import type { Metric } from './metric-registry.ts';
import { type PlacedRequest, placeQuery, type Sites } from './place-query.ts';
import { type QueryService, type Response, udpLimit } from './transport.ts';

const MAX_BYTES = 0xffff;

/**
 * What every query goes through whatever its transport: is it one, whose is it, count it. The sites can be
 * exchanged while it serves.
 */
export class SiteService implements QueryService {
  readonly table: AnswerTable;
  readonly #panics: Metric;
  readonly #log: (message: string) => void;
  sites: Sites = new Map();
  /** Where queries are counted that are of no site. */
  dropped = new AnswerCounts();
  leaving = false;
  /** Queries whose answers have to be waited for. */
  readonly running: Set<object> = new Set();
  /** How often queries came, one or several at once. */
  batches = 0;

  constructor(table: AnswerTable, panics: Metric, log: (message: string) => void) {
    this.table = table;
    this.#panics = panics;
    this.#log = log;
  }

  asked(): void {
    this.batches++;
  }

  answer(message: Buffer, client: Client): Response | Promise<Response> {
    const query = readQuery(message);
    if ('rejected' in query) {
      if (query.rcode === undefined) return undefined;
      return respondEmpty(message, query.questionEnd, query.rcode, undefined);
    }
    if (query.edns !== undefined && query.edns.version !== 0) return empty(query, ResponseCode.BADVERS);
    const limit = client.transport === 'udp' ? udpLimit(query.edns?.udpSize) : MAX_BYTES;
    const request = placeQuery(this.sites, query, client, limit);
    if (request !== undefined) return this.#run(request, performance.now());
    const refused = empty(query, ResponseCode.REFUSED);
    count(this.dropped, { query, client }, refused, performance.now());
    return refused;
  }

  #run(request: PlacedRequest, startedMs: number): Response | Promise<Response> {
    const site = request.block;
    const finish = (result: DnsResult): Response => {
      if (result === DROP) return this.#count(request, undefined, startedMs);
      const response = this.#finish(request, result);
      this.#count(request, Buffer.isBuffer(response) ? response : response[0], startedMs);
      return response;
    };
    const failed = (error: unknown): Response => {
      this.#panics.value++;
      this.#log(`answering a query failed: ${error instanceof Error ? error.stack : String(error)}`);
      return empty(request.query, ResponseCode.SERVFAIL);
    };
    try {
      const reply = site.answer(request);
      if (!(reply instanceof Promise)) return finish(reply);
      this.running.add(request);
      return reply
        .then(finish)
        .catch(failed)
        .finally(() => this.running.delete(request));
    } catch (error) {
      return failed(error);
    }
  }

  #finish(request: DnsRequest, result: Buffer | DnsAnswer): Buffer | readonly Buffer[] {
    // Servers further on may answer more than was asked for.
    if (Buffer.isBuffer(result))
      return result.length <= request.limit ? result : finishAnswer(request, structured(result));
    return result.transfer === true ? finishTransfer(request, result) : finishAnswer(request, result);
  }

  #count(request: PlacedRequest, response: Buffer | undefined, startedMs: number): undefined {
    const { answeredBy, block } = request;
    count(block.countsFor(answeredBy), request, response, startedMs);
  }
}

function count(
  counts: AnswerCounts,
  { query, client }: Pick<DnsRequest, 'query' | 'client'>,
  response: Buffer | undefined,
  startedMs: number,
): void {
  const lane = laneOf(client.transport, client.family);
  const rcode = (response?.[3] ?? 0) & 15;
  const dnssecOk = query.edns?.dnssecOk === true;
  counts.count(lane, query.type, rcode, dnssecOk, query.message.length, response?.length ?? 0);
  counts.settle((performance.now() - startedMs) / 1000);
}

function empty(query: DnsQuery, rcode: number): Buffer {
  return respondEmpty(query.message, query.questionEnd, rcode, query.edns);
}
