import { ResponseCode } from '#wire/dns.ts';
import type { DnsAnswer } from './handler.ts';

/**
 * Whether an answer is the server's own word for "nobody could answer" (SERVFAIL, REFUSED without a flag or
 * record), and not what a plugin or an upstream server said. Such answers are neither kept nor changed.
 */
export function isServerError({ rcode, flags, answers, authorities, additionals }: DnsAnswer): boolean {
  if (rcode !== ResponseCode.SERVFAIL && rcode !== ResponseCode.REFUSED) return false;
  return flags === 0 && answers.length + authorities.length + additionals.length === 0;
}
