import { CLASS_IN, type DnsName, encodeQuery, HeaderFlag, isWireName, ResponseCode } from '#wire/dns.ts';
import { readQuery } from '#wire/dns-query.ts';
import { emptyAnswer, structured } from './finish-answer.ts';
import { type DnsAnswer, type DnsRequest, DROP } from './handler.ts';

/** Asks the server itself on a request's behalf, whichever server block the name belongs to. */
export async function lookUp(request: DnsRequest, name: DnsName, type: number): Promise<DnsAnswer> {
  if (!isWireName(name)) return emptyAnswer(ResponseCode.SERVFAIL);
  const query = readQuery(encodeQuery(0, { name, type, class: CLASS_IN }, HeaderFlag.RD));
  if ('rejected' in query) return emptyAnswer(ResponseCode.SERVFAIL);
  const result = await request.block.resolve({ ...request, query, limit: 0xffff });
  return result === DROP ? emptyAnswer(ResponseCode.SERVFAIL) : structured(result);
}
