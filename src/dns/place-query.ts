import { CLASS_IN, HEADER_BYTES, ResponseCode } from '#wire/dns.ts';
import type { DnsQuery } from '#wire/dns-query.ts';
import { emptyAnswer } from './finish-answer.ts';
import type { Client, DnsReply, DnsRequest } from './handler.ts';
import type { Site } from './site.ts';

/** The sites of one server by zone key; several of one zone have views. */
export type Sites = ReadonlyMap<string, readonly Site[]>;

/** A request that has found its site. */
export type PlacedRequest = DnsRequest & { readonly block: Site };

const TYPE_DS = 43;
/** Look-ups for look-ups for …: beyond, somebody goes in circles. */
const MAX_DEPTH = 8;

/** The request at the site of the longest zone; DS belongs to the zone above, where that is served too. */
export function placeQuery(
  sites: Sites,
  query: DnsQuery,
  client: Client,
  limit: number,
  depth = 0,
): PlacedRequest | undefined {
  const { key, labelStarts, type } = query;
  const end = key.length - 4;
  let ofDs: PlacedRequest | undefined;
  for (const start of labelStarts) {
    // Who serves the root as well does not serve the zone above.
    if (ofDs !== undefined && start === labelStarts.at(-1)) break;
    const known = sites.get(key.slice(start - HEADER_BYTES, end));
    if (known === undefined) continue;
    for (const site of known) {
      if (query.class !== CLASS_IN && !site.chaos) continue;
      const request: PlacedRequest = { query, client, limit, block: site, answeredBy: '', depth };
      if (site.matches !== undefined && !site.matches(request)) continue;
      if (type !== TYPE_DS) return request;
      ofDs = request;
      break;
    }
  }
  return ofDs;
}

/** Answers a query of the server's own, by whichever site its name belongs to. */
export function resolve(sites: Sites, { query, client, limit, depth }: DnsRequest): DnsReply {
  if (depth >= MAX_DEPTH) return emptyAnswer(ResponseCode.SERVFAIL);
  const placed = placeQuery(sites, query, client, limit, depth + 1);
  return placed === undefined ? emptyAnswer(ResponseCode.REFUSED) : placed.block.answer(placed);
}
