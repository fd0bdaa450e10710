import type { DnsAnswer } from '#dns/handler.ts';
import { type DnsData, type DnsName, type DnsRecord, decodeName, typeNumber } from '#wire/dns.ts';
import { DnsWriter } from '#wire/dns-writer.ts';
import type { NameChange } from './name-match.ts';
import { changeName } from './rule.ts';

/** Changes of names that records belong to, and of names that they point to; each sees what the one before made. */
export interface AnswerNames {
  readonly owners: readonly NameChange[];
  readonly values: readonly NameChange[];
}

const DNAME = typeNumber('DNAME');
const NAPTR = typeNumber('NAPTR');

export function changeAnswerNames(answer: DnsAnswer, names: AnswerNames): DnsAnswer {
  const section = (records: readonly DnsRecord[]): DnsRecord[] =>
    records.map((record) => ({
      ...record,
      name: changed(record.name, names.owners),
      data: changeData(record, (name) => changed(name, names.values)),
    }));
  return {
    ...answer,
    answers: section(answer.answers),
    authorities: section(answer.authorities),
    additionals: section(answer.additionals),
  };
}

function changed(name: DnsName, changes: readonly NameChange[]): DnsName {
  return changes.reduce((current, change) => changeName(current, change) ?? current, name);
}

function changeData({ type, data }: DnsRecord, change: (name: DnsName) => DnsName): DnsData {
  switch (data.kind) {
    case 'name':
    case 'srv':
      return { ...data, target: change(data.target) };
    case 'mx':
      return { ...data, exchange: change(data.exchange) };
    case 'soa':
      return { ...data, mname: change(data.mname) };
    case 'opaque': {
      const nameStart = type === DNAME ? 0 : type === NAPTR ? naptrName(data.bytes) : undefined;
      return nameStart === undefined ? data : { ...data, bytes: changeTail(data.bytes, nameStart, change) };
    }
    default:
      return data;
  }
}

/** Where the name is in the data of a NAPTR record: behind two numbers and three texts (RFC 3403 §4.1). */
function naptrName(bytes: Uint8Array): number {
  let at = 4;
  for (let text = 0; text < 3; text++) at += 1 + (bytes[at] ?? 0);
  return at;
}

/** Data that ends in a name, which is not compressed. As it was when there is no whole name. */
function changeTail(bytes: Uint8Array, at: number, change: (name: DnsName) => DnsName): Uint8Array {
  try {
    const { name, next } = decodeName(bytes, at);
    if (next !== bytes.length) return bytes;
    return new DnsWriter().bytes(bytes.subarray(0, at)).name(change(name), false).finish();
  } catch {
    return bytes;
  }
}
