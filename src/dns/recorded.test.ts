/** Answers of a real cluster DNS server, recorded: the same objects and questions have to give the same answers. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import type { EndpointSlice } from '#api/discovery/v1.gen.ts';
import type { KubeObject } from '#api/machinery/object.ts';
import {
  CLASS_IN,
  type DnsRecord,
  decodeMessage,
  ednsOf,
  encodeQuery,
  formatName,
  HeaderFlag,
  parseName,
  RecordType,
  ResponseCode,
  typeName,
  typeNumber,
} from '#wire/dns.ts';
import { queryService, unanswered } from './answer-query.ts';
import { type KubernetesZones, type PodMode } from './config.ts';
import { chain } from './handler.ts';
import { KubernetesHandler } from './kubernetes-handler.ts';
import { DnsMetrics } from './metrics.ts';
import { planServiceEntry, planSliceEntry } from './plan-entries.ts';

interface RecordedCase {
  name: string;
  fixture: string;
  config: { pods: PodMode; ttl: number; fallthrough: string[] };
  queries: RecordedQuery[];
}

interface RecordedQuery {
  q: string;
  type: string;
  transport?: 'udp' | 'tcp';
  edns?: { size?: number; do?: boolean };
  answer: {
    rcode: string;
    flags: string[];
    answer: RecordedRecord[];
    authority: RecordedRecord[];
    additional: RecordedRecord[];
    edns?: { size: number; do: boolean } | null;
  };
}

interface RecordedRecord {
  name: string;
  type: string;
  ttl: number;
  data: string;
}

function readFixture(name: string): unknown {
  return JSON.parse(readFileSync(new URL(import.meta.resolve(`#test/fixtures/dns/${name}.json`)), 'utf8'));
}

function load(handler: KubernetesHandler, objects: readonly KubeObject[]): void {
  for (const object of objects) {
    const { namespace = '', name = '' } = object.metadata ?? {};
    if (object.kind === 'Namespace') handler.index.setNamespace(name, true);
    if (object.kind === 'Service') handler.index.setService(namespace, name, planServiceEntry(object));
    if (object.kind === 'EndpointSlice') {
      handler.index.setSlice(`${namespace}/${name}`, planSliceEntry(object as EndpointSlice));
    }
  }
  handler.synced = true;
}

function ask(zones: KubernetesZones, objects: readonly KubeObject[]) {
  const handler = new KubernetesHandler(zones);
  load(handler, objects);
  const service = queryService(chain([handler], unanswered), new DnsMetrics());
  return async ({ q, type, transport = 'udp', edns }: RecordedQuery): Promise<Buffer> => {
    const name = parseName(q) ?? assert.fail(`${q} is no name`);
    const opt = edns && {
      udpSize: edns.size ?? 1232,
      extendedRcode: 0,
      version: 0,
      dnssecOk: edns.do === true,
    };
    const bytes = encodeQuery(1, { name, type: typeNumber(type) ?? 0, class: CLASS_IN }, HeaderFlag.RD, opt);
    const local = { address: '127.0.0.1', port: 53 };
    const client = { transport, family: 4, address: '127.0.0.1', port: 1234, local } as const;
    const response = await service.answer(bytes, client);
    return Buffer.isBuffer(response) ? response : assert.fail(`no answer to ${q} ${type}`);
  };
}

const FLAGS = {
  qr: HeaderFlag.QR,
  aa: HeaderFlag.AA,
  tc: HeaderFlag.TC,
  rd: HeaderFlag.RD,
  ra: HeaderFlag.RA,
};

/** As recordings word it; records sorted, since their order is free. */
function worded(bytes: Buffer): unknown {
  const message = decodeMessage(bytes);
  const opt = message.additionals.map(ednsOf).find((edns) => edns !== undefined);
  const rcode = message.rcode | ((opt?.extendedRcode ?? 0) << 4);
  return {
    rcode: Object.entries(ResponseCode).find(([, code]) => code === rcode)?.[0],
    flags: Object.entries(FLAGS)
      .filter(([, bit]) => (message.flags & bit) !== 0)
      .map(([flag]) => flag),
    answer: wordRecords(message.answers),
    authority: wordRecords(message.authorities),
    additional: wordRecords(message.additionals.filter((record) => record.type !== RecordType.OPT)),
    edns: opt === undefined ? null : { size: opt.udpSize, do: opt.dnssecOk },
  };
}

function wordRecords(records: readonly DnsRecord[]): string[] {
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

function wordRecorded({ answer }: RecordedQuery): unknown {
  const records = (section: RecordedRecord[]): string[] =>
    section.map((r) => `${r.name} ${r.ttl} ${r.type} ${r.data}`).sort();
  return {
    rcode: answer.rcode,
    flags: Object.keys(FLAGS).filter((flag) => answer.flags.includes(flag)),
    answer: records(answer.answer),
    authority: records(answer.authority),
    additional: records(answer.additional),
    edns:
      answer.edns === null || answer.edns === undefined
        ? null
        : { size: answer.edns.size, do: answer.edns.do },
  };
}

/** What is behind `fallthrough` in the recordings answers SERVFAIL, as does the end of our chain. */
for (const { name, fixture, config, queries } of readFixture('recorded') as RecordedCase[]) {
  test(`recorded: ${name}`, async () => {
    const zones = { ...config, zones: ['cluster.local', 'in-addr.arpa', 'ip6.arpa'] };
    const query = ask(zones, readFixture(fixture) as KubeObject[]);
    for (const recorded of queries) {
      const title = `${recorded.q} ${recorded.type} ${recorded.transport ?? 'udp'}`;
      const first = await query(recorded);
      assert.deepEqual(worded(first), wordRecorded(recorded), title);
      // Once more, from what is prepared by now.
      assert.deepEqual(worded(await query(recorded)), worded(first), `${title}, asked again`);
    }
  });
}
