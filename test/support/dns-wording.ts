import {
  type DnsMessage,
  type DnsRecord,
  decodeMessage,
  ednsOf,
  formatName,
  HeaderFlag,
  RecordType,
  rcodeName,
  typeName,
} from '#wire/dns.ts';

export interface RecordedAnswer {
  readonly rcode?: string;
  readonly flags: readonly string[];
  readonly answer: readonly RecordedRecord[];
  readonly authority: readonly RecordedRecord[];
  readonly additional: readonly RecordedRecord[];
  readonly edns?: { readonly size: number; readonly do: boolean } | null;
}

export interface RecordedRecord {
  readonly name: string;
  readonly type: string;
  readonly ttl: number;
  readonly data: string;
}

const FLAGS = {
  qr: HeaderFlag.QR,
  aa: HeaderFlag.AA,
  tc: HeaderFlag.TC,
  rd: HeaderFlag.RD,
  ra: HeaderFlag.RA,
};

/** A response, or, of a transfer, several, in the words of the recordings; records sorted, since their order is free. */
export function wordResponse(messages: readonly Buffer[]): unknown {
  const decoded = messages.map((bytes) => decodeMessage(bytes));
  const [first] = decoded;
  if (first === undefined) return undefined;
  const opt = first.additionals.map(ednsOf).find((edns) => edns !== undefined);
  const rcode = first.rcode | ((opt?.extendedRcode ?? 0) << 4);
  const section = (of: (message: DnsMessage) => readonly DnsRecord[]): string[] =>
    wordRecords(decoded.flatMap(of));
  return {
    rcode: rcodeName(rcode),
    flags: Object.entries(FLAGS).flatMap(([flag, bit]) => ((first.flags & bit) === 0 ? [] : [flag])),
    answer: section((message) => message.answers),
    authority: section((message) => message.authorities),
    additional: section((message) => message.additionals.filter(({ type }) => type !== RecordType.OPT)),
    edns: opt === undefined ? null : { size: opt.udpSize, do: opt.dnssecOk },
  };
}

export function wordRecorded({ rcode, flags, edns, ...sections }: RecordedAnswer): unknown {
  const records = (section: readonly RecordedRecord[]): string[] =>
    section.map((r) => `${r.name} ${r.ttl} ${r.type} ${r.data}`).sort();
  return {
    rcode,
    flags: Object.keys(FLAGS).filter((flag) => flags.includes(flag)),
    answer: records(sections.answer),
    authority: records(sections.authority),
    additional: records(sections.additional),
    edns: edns === null || edns === undefined ? null : { size: edns.size, do: edns.do },
  };
}

/** Owner, TTL, type and data of records, sorted. */
export function wordRecords(records: readonly DnsRecord[]): string[] {
  return records.map((r) => `${formatName(r.name)} ${r.ttl} ${typeName(r.type)} ${wordData(r.data)}`).sort();
}

function wordData(data: DnsRecord['data']): string {
  switch (data.kind) {
    case 'address':
      return data.address;
    case 'name':
      return formatName(data.target);
    case 'srv':
      return `${data.priority} ${data.weight} ${data.port} ${formatName(data.target)}`;
    case 'text':
      return data.texts.map((text) => JSON.stringify(text)).join(' ');
    case 'soa':
      return `${formatName(data.mname)} ${formatName(data.rname)} SERIAL ${data.refresh} ${data.retry} ${data.expire} ${data.minimum}`;
    default:
      return data.kind;
  }
}
