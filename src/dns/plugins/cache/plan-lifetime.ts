import type { DnsAnswer } from '#dns/handler.ts';
import { type DnsName, type DnsRecord, HeaderFlag, nameKey, RecordType, ResponseCode } from '#wire/dns.ts';
import type { CacheConfig, CacheShare } from './config.ts';

/** As what an answer is kept, if at all. */
export interface Keeping {
  readonly share: 'success' | 'denial';
  /** Seconds. */
  readonly lifetime: number;
  /** Whether it is to be kept; otherwise its TTLs are only set to the lifetime. */
  readonly kept: boolean;
}

/** TTL of answers without a record to take it from, and of those that only say who would know. */
const DEFAULT_TTL = 5;
const LONGEST_TTL = 3600 * 24 * 365;

/** What was asked. */
export interface Asked {
  readonly name: DnsName;
  readonly type: number;
}

/**
 * RFC 2308 as CoreDNS reads it: NODATA without SOA is kept like an answer, NXDOMAIN without SOA is not. Nor are records
 * that do not lead to the type that was asked for: the rest may only be missing for now.
 */
export function planKeeping(answer: DnsAnswer, config: CacheConfig, asked: Asked): Keeping {
  const { rcode, flags, answers, authorities } = answer;
  const hasSoa = authorities.some((record) => record.type === RecordType.SOA);
  const whole = (flags & HeaderFlag.TC) === 0 && answer.transfer !== true;
  switch (rcode) {
    case ResponseCode.NOERROR: {
      const isPartial = answers.length > 0 && !isAnswered(answers, asked);
      const share = hasSoa && (answers.length === 0 || isPartial) ? 'denial' : 'success';
      const isDelegation = answers.length === 0 && !hasSoa;
      const ttl = isDelegation ? DEFAULT_TTL : shortestTtl(answer);
      return { share, lifetime: within(config[share], ttl), kept: whole && (hasSoa || !isPartial) };
    }
    case ResponseCode.NXDOMAIN:
      return { share: 'denial', lifetime: within(config.denial, shortestTtl(answer)), kept: whole && hasSoa };
    case ResponseCode.SERVFAIL:
    case ResponseCode.NOTIMP:
      return { share: 'denial', lifetime: config.failTtl, kept: whole && config.failTtl > 0 };
    default:
      return { share: 'denial', lifetime: within(config.denial, DEFAULT_TTL), kept: false };
  }
}

/** Whether the records have, at the end of their aliases, one of the type. */
function isAnswered(answers: readonly DnsRecord[], { name, type }: Asked): boolean {
  const byName = Map.groupBy(answers, (record) => nameKey(record.name));
  for (let key = nameKey(name); ; ) {
    const own = byName.get(key) ?? [];
    // Aliases may go in a circle.
    byName.delete(key);
    if (own.some((record) => record.type === type || type === RecordType.ANY)) return true;
    const alias = own.find((record) => record.type === RecordType.CNAME);
    if (alias?.data.kind !== 'name') return false;
    key = nameKey(alias.data.target);
  }
}

function within({ minTtl, maxTtl }: CacheShare, ttl: number): number {
  return Math.min(maxTtl, Math.max(minTtl, ttl));
}

function shortestTtl({ answers, authorities, additionals }: DnsAnswer): number {
  const records = [...answers, ...authorities, ...additionals];
  if (records.length === 0) return DEFAULT_TTL;
  return records.reduce((shortest, record) => Math.min(shortest, record.ttl), LONGEST_TTL);
}

/** An answer whose records all have one TTL. */
export function withTtl(answer: DnsAnswer, ttl: number): DnsAnswer {
  const set = (records: readonly DnsRecord[]): DnsRecord[] => records.map((record) => ({ ...record, ttl }));
  return {
    ...answer,
    answers: set(answer.answers),
    authorities: set(answer.authorities),
    additionals: set(answer.additionals),
  };
}
