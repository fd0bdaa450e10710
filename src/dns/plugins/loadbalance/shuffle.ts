import type { DnsAnswer } from '#dns/handler.ts';
import { type DnsRecord, HEADER_BYTES, RecordType } from '#wire/dns.ts';

/** Chooses a whole number from 0 on, below what it is given. */
export type Random = (below: number) => number;

/** CNAME records first, then other types as they are, then addresses and MX records, each in random order. */
export function shuffleAnswer(answer: DnsAnswer, random: Random): DnsAnswer {
  return {
    ...answer,
    answers: shuffleRecords(answer.answers, random),
    additionals: shuffleRecords(answer.additionals, random),
  };
}

function shuffleRecords(records: readonly DnsRecord[], random: Random): readonly DnsRecord[] {
  if (records.length < 2) return records;
  const of = (...types: number[]): DnsRecord[] => records.filter(({ type }) => types.includes(type));
  const { A, AAAA, CNAME, MX } = RecordType;
  const others = records.filter(({ type }) => ![A, AAAA, CNAME, MX].some((shuffled) => shuffled === type));
  return [...of(CNAME), ...others, ...shuffled(of(A, AAAA), random), ...shuffled(of(MX), random)];
}

export function shuffled<T>(values: readonly T[], random: Random): T[] {
  const copy = [...values];
  for (let i = copy.length - 1; i > 0; i--) {
    const j = random(i + 1);
    const [a, b] = [copy[i], copy[j]];
    if (a !== undefined && b !== undefined) [copy[i], copy[j]] = [b, a];
  }
  return copy;
}

/**
 * Shuffles, within a finished response, the data of addresses that follow each other with the same owner:
 * in place, since they are of one length. What comes in bytes was made from records by others.
 */
export function shuffleBytes(response: Buffer, random: Random): void {
  const count = response.readUInt16BE(6);
  if (count < 2 || response.readUInt16BE(4) !== 1) return;
  let at = nameEnd(response, HEADER_BYTES) + 4;
  let run: number[] = [];
  let owner = -1;
  let runType = 0;
  for (let i = 0; i < count; i++) {
    const head = nameEnd(response, at);
    // Only owners that are pointers, as those of answers are: they are equal if their bytes are.
    const pointer = head - at === 2 ? response.readUInt16BE(at) : -1 - i;
    const type = response.readUInt16BE(head);
    if (pointer !== owner || type !== runType) {
      shuffleRun(response, run, runType, random);
      run = [];
    }
    [owner, runType] = [pointer, type];
    run.push(head + 10);
    at = head + 10 + response.readUInt16BE(head + 8);
  }
  shuffleRun(response, run, runType, random);
}

function shuffleRun(response: Buffer, offsets: readonly number[], type: number, random: Random): void {
  const size = type === RecordType.A ? 4 : type === RecordType.AAAA ? 16 : 0;
  if (size === 0) return;
  for (let i = offsets.length - 1; i > 0; i--) {
    const [a = 0, b = 0] = [offsets[i], offsets[random(i + 1)]];
    for (let byte = 0; byte < size; byte++) {
      const kept = response[a + byte] ?? 0;
      response[a + byte] = response[b + byte] ?? 0;
      response[b + byte] = kept;
    }
  }
}

function nameEnd(response: Buffer, offset: number): number {
  let at = offset;
  for (;;) {
    const label = response[at] ?? 0;
    if (label === 0) return at + 1;
    if (label >= 0xc0) return at + 2;
    at += 1 + label;
  }
}
