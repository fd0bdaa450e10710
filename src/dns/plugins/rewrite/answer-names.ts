import type { DnsAnswer } from '#dns/handler.ts';
import { type DnsData, type DnsName, type DnsRecord } from '#wire/dns.ts';
import type { NameChange } from './name-match.ts';
import { changeName } from './rule.ts';

/** Changes of names that records belong to, and of names that they point to; the first that matches is taken. */
export interface AnswerNames {
  readonly owners: readonly NameChange[];
  readonly values: readonly NameChange[];
}

export function changeAnswerNames(answer: DnsAnswer, names: AnswerNames): DnsAnswer {
  const section = (records: readonly DnsRecord[]): DnsRecord[] =>
    records.map((record) => ({
      ...record,
      name: firstChange(record.name, names.owners),
      data: changeData(record.data, (name) => firstChange(name, names.values)),
    }));
  return {
    ...answer,
    answers: section(answer.answers),
    authorities: section(answer.authorities),
    additionals: section(answer.additionals),
  };
}

function firstChange(name: DnsName, changes: readonly NameChange[]): DnsName {
  for (const change of changes) {
    const changed = changeName(name, change);
    if (changed !== undefined) return changed;
  }
  return name;
}

function changeData(data: DnsData, change: (name: DnsName) => DnsName): DnsData {
  switch (data.kind) {
    case 'name':
    case 'srv':
      return { ...data, target: change(data.target) };
    case 'mx':
      return { ...data, exchange: change(data.exchange) };
    case 'soa':
      return { ...data, mname: change(data.mname) };
    default:
      return data;
  }
}
