import { HEADER_BYTES, typeNumber } from '#wire/dns.ts';
import type { PreparedAnswer } from '#wire/dns-answer.ts';
import { isName, type PlainQuery } from '#wire/dns-plain-query.ts';
import type { AnswerCounts } from './answer-counts.ts';
import type { AnswerCopies } from './kept-answer.ts';
import type { NameFilter } from './name-filter.ts';
import type { Zone } from './zone.ts';

/** What there is of a zone of the cluster, and how to say that something is not. */
export interface AbsentNamesOptions {
  readonly zone: Zone;
  /** Every `NAMESPACE` and every `SERVICE.NAMESPACE`. */
  readonly names: NameFilter;
  /** Whether there are names below `pod` at all. */
  readonly pods: boolean;
  /** NXDOMAIN for names in which the zone begins at this offset of the message; undefined: not known here. */
  readonly prepared: (zoneStart: number) => PreparedAnswer | undefined;
  readonly counts: AnswerCounts;
}

const SVC = label('svc');
const POD = label('pod');
/** `ns.dns` and `dns-version` are there without any object. */
const DNS = label('dns');
const DNS_VERSION = label('dns-version');

/** Those for which a name that does not exist is NXDOMAIN, whatever else the type is. */
const TYPES = new Uint8Array(256);
for (const type of ['A', 'AAAA', 'CNAME', 'HTTPS', 'MX', 'NS', 'SRV', 'SVCB', 'TXT'])
  TYPES[typeNumber(type) ?? 0] = 1;

/**
 * Recognises names of a zone that certainly do not exist, by the objects as they are now: most of what pods ask
 * (`ndots:5`) are such. Nothing is kept per name, nothing allocated, so it does not matter which names are asked.
 * What it does not recognise may exist or not: the chain knows.
 */
export class AbsentNames {
  readonly zone: Zone;
  readonly counts: AnswerCounts;
  readonly names: NameFilter;
  readonly pods: boolean;
  /** Withdrawn when the table drops them. */
  copies: AnswerCopies | undefined = undefined;
  readonly #zoneName: Uint8Array;
  readonly #prepared: (zoneStart: number) => PreparedAnswer | undefined;

  constructor({ zone, names, pods, prepared, counts }: AbsentNamesOptions) {
    this.zone = zone;
    this.counts = counts;
    this.#zoneName = Buffer.from(zone.key, 'latin1');
    this.names = names;
    this.pods = pods;
    this.#prepared = prepared;
  }

  /** Where the zone begins in a message with such a query. */
  zoneStart({ nameEnd }: PlainQuery): number {
    return nameEnd - this.#zoneName.length;
  }

  /** The answer to the query that begins at `start`, or undefined. */
  answerTo(bytes: Uint8Array, start: number, query: PlainQuery): PreparedAnswer | undefined {
    if (TYPES[query.type] !== 1) return undefined;
    const nameStart = start + HEADER_BYTES;
    const zoneStart = this.zoneStart(query);
    if (zoneStart <= nameStart || !isName(bytes, zoneStart, this.#zoneName)) return undefined;
    let service = -1;
    let namespace = -1;
    let root = -1;
    let at = nameStart;
    while (at < zoneStart) {
      service = namespace;
      namespace = root;
      root = at;
      at += 1 + (bytes[at] ?? 0);
    }
    if (at !== zoneStart || !this.#isAbsent(bytes, root, namespace, service)) return undefined;
    return this.#prepared(zoneStart - start);
  }

  /** By the last three labels before the zone; -1: there are not so many. */
  #isAbsent(bytes: Uint8Array, root: number, namespace: number, service: number): boolean {
    const isSvc = isName(bytes, root, SVC);
    if (!isSvc && !isName(bytes, root, POD))
      return !isName(bytes, root, DNS) && !isName(bytes, root, DNS_VERSION);
    if (namespace < 0) return false;
    if (!isSvc && !this.pods) return true;
    if (this.names.lacks(bytes, namespace, root)) return true;
    return isSvc && service >= 0 && this.names.lacks(bytes, service, root);
  }
}

/** A label behind its length. */
function label(text: string): Uint8Array {
  return Buffer.from(String.fromCharCode(text.length) + text, 'latin1');
}
