import { HEADER_BYTES, HeaderFlag } from '#wire/dns.ts';

/** Asks a server one question and waits for the answer; over one transport. */
export interface Exchanger extends Disposable {
  /** For metrics: `udp`, `tcp`, `tcp-tls`, `https`. */
  readonly protocol: string;
  /** The response has the query's ID. Rejects when none came in time, or the server cannot be reached. */
  exchange(query: Buffer, timeoutMs: number): Promise<Buffer>;
}

/** Counts whether connections were there already. */
export interface ConnectionCounter {
  hit(): unknown;
  miss(): unknown;
}

/** Offset behind the first question; the query was read before, so that it is well-formed. */
export function questionEnd(message: Buffer): number {
  let at = HEADER_BYTES;
  while (at < message.length && message[at] !== 0) at += 1 + (message[at] ?? 0);
  return at + 5;
}

/** Whether a response repeats the question, whatever its case; another one belongs to somebody who guesses. */
export function answersQuery(response: Buffer, query: Buffer): boolean {
  if (response.length < HEADER_BYTES || (response.readUInt16BE(2) & HeaderFlag.QR) === 0) return false;
  if (response.readUInt16BE(4) === 0) return true;
  const end = questionEnd(query);
  const question = (message: Buffer): string => message.toString('latin1', HEADER_BYTES, end).toLowerCase();
  return question(response) === question(query);
}

/** A copy with another ID. */
export function withId(message: Buffer, id: number): Buffer {
  const copy = Buffer.from(message);
  copy.writeUInt16BE(id, 0);
  return copy;
}
