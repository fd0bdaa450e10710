import { type DnsRecord, ednsRecord, encodeMessage } from '#wire/dns.ts';
import { questionLabels } from '#wire/dns-query.ts';
import type { DnsAnswer, DnsRequest } from './handler.ts';

/** Of records before compression, so that a message stays well below 64 KiB. */
const MAX_PIECE_BYTES = 16_384;

/** A zone transfer as messages; each repeats the question (RFC 5936 §2.2). */
export function finishTransfer(
  { query }: DnsRequest,
  { answers, rcode, flags }: DnsAnswer,
): readonly Buffer[] {
  const question = { name: questionLabels(query), type: query.type, class: query.class };
  const word = query.message.readUInt16BE(2);
  return pieces(answers).map((records) =>
    encodeMessage({
      id: query.message.readUInt16BE(0),
      flags: 0x8000 | flags | (word & 0x0110),
      opcode: 0,
      rcode,
      questions: [question],
      answers: records,
      authorities: [],
      additionals: query.edns === undefined ? [] : [ednsRecord({ ...query.edns, extendedRcode: 0 })],
    }),
  );
}

function pieces(records: readonly DnsRecord[]): DnsRecord[][] {
  const messages: DnsRecord[][] = [[]];
  let bytes = 0;
  for (const record of records) {
    const size = roughBytes(record);
    if (bytes + size > MAX_PIECE_BYTES && bytes > 0) {
      messages.push([]);
      bytes = 0;
    }
    messages.at(-1)?.push(record);
    bytes += size;
  }
  return messages;
}

function roughBytes({ name, data }: DnsRecord): number {
  const names = data.kind === 'name' || data.kind === 'srv' ? data.target.join('.').length : 0;
  const texts = data.kind === 'text' ? data.texts.join('').length : 0;
  const opaque = data.kind === 'opaque' ? data.bytes.length : 0;
  return name.join('.').length + names + texts + opaque + 64;
}
