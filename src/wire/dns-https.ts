/** DNS over HTTPS (RFC 8484): where the message is in a request, how long a response may be kept. */
import { HEADER_BYTES, RecordType } from './dns-constants.ts';
import { DnsFormatError, decodeName } from './dns-name.ts';

export const DNS_MESSAGE_TYPE = 'application/dns-message';
/** The path that clients take when nobody tells them another one. */
export const DNS_QUERY_PATH = '/dns-query';

const MAX_MESSAGE_BYTES = 0xffff;

/** The message in the query string of a GET; undefined when there is none that could be one. */
export function messageOfQueryString(search: string): Buffer | undefined {
  const text = new URLSearchParams(search).get('dns');
  if (text === null || text === '' || !/^[\w-]+$/.test(text)) return undefined;
  const message = Buffer.from(text, 'base64url');
  return message.length <= MAX_MESSAGE_BYTES ? message : undefined;
}

/**
 * How many seconds a response may be kept (RFC 8484 §5.1): its smallest TTL, 0 when it has no records or is
 * no message. SOA records of negative answers count by their TTL too.
 */
export function freshnessSeconds(response: Buffer): number {
  if (response.length < HEADER_BYTES) return 0;
  const records = response.readUInt16BE(6) + response.readUInt16BE(8) + response.readUInt16BE(10);
  let smallest = Number.POSITIVE_INFINITY;
  try {
    let at = HEADER_BYTES;
    for (let i = response.readUInt16BE(4); i > 0; i--) at = decodeName(response, at).next + 4;
    for (let i = 0; i < records; i++) {
      at = decodeName(response, at).next;
      if (at + 10 > response.length) return 0;
      if (response.readUInt16BE(at) !== RecordType.OPT)
        smallest = Math.min(smallest, response.readUInt32BE(at + 4));
      at += 10 + response.readUInt16BE(at + 8);
    }
  } catch (error) {
    if (error instanceof DnsFormatError) return 0;
    throw error;
  }
  return Number.isFinite(smallest) ? smallest : 0;
}
