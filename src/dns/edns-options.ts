import { type DnsRecord, decodeMessage, encodeMessage, RecordType } from '#wire/dns.ts';
import type { EdnsOption } from '#wire/dns-answer.ts';
import type { DnsQuery } from '#wire/dns-query.ts';
import { withMessage } from './finish-answer.ts';
import type { DnsRequest } from './handler.ts';

/** What to change in a query's OPT record. */
export interface EdnsChange {
  /** In bytes; without it the query's own, or 4096 when it had no OPT record. */
  readonly udpSize?: number | undefined;
  readonly options: readonly EdnsOption[];
}

const HEADER_BYTES = 4;
const DEFAULT_UDP_SIZE = 4096;

/** The options of a query's OPT record, in order. */
export function ednsOptions(query: DnsQuery): EdnsOption[] {
  if (query.edns === undefined) return [];
  const opt = optOf(decodeMessage(query.message).additionals);
  return opt === undefined ? [] : optionsOf(opt);
}

/** The same query with other options (and an OPT record where it had none); undefined when it grows too large. */
export function withEdns(request: DnsRequest, { udpSize, options }: EdnsChange): DnsRequest | undefined {
  const message = decodeMessage(request.query.message);
  const old = optOf(message.additionals);
  const opt: DnsRecord = {
    name: [],
    type: RecordType.OPT,
    class: udpSize ?? old?.class ?? DEFAULT_UDP_SIZE,
    ttl: old?.ttl ?? 0,
    data: { kind: 'opaque', bytes: encodeOptions(options) },
  };
  const additionals = [...message.additionals.filter((record) => record !== old), opt];
  return withMessage(request, encodeMessage({ ...message, additionals }));
}

function optOf(records: readonly DnsRecord[]): DnsRecord | undefined {
  return records.find((record) => record.type === RecordType.OPT);
}

function optionsOf({ data }: DnsRecord): EdnsOption[] {
  if (data.kind !== 'opaque') return [];
  const bytes = Buffer.from(data.bytes);
  const options: EdnsOption[] = [];
  for (let at = 0; at + HEADER_BYTES <= bytes.length; ) {
    const end = at + HEADER_BYTES + bytes.readUInt16BE(at + 2);
    options.push({ code: bytes.readUInt16BE(at), data: bytes.subarray(at + HEADER_BYTES, end) });
    at = end;
  }
  return options;
}

function encodeOptions(options: readonly EdnsOption[]): Uint8Array {
  return Buffer.concat(
    options.flatMap(({ code, data }) => {
      const head = Buffer.alloc(HEADER_BYTES);
      head.writeUInt16BE(code, 0);
      head.writeUInt16BE(data.length, 2);
      return [head, data];
    }),
  );
}
