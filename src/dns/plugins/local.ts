import { noArgs, noBlock, onlyOnce } from '#dns/corefile/arguments.ts';
import { answerWith } from '#dns/finish-answer.ts';
import type { DnsAnswer } from '#dns/handler.ts';
import type { Plugin } from '#dns/plugin.ts';
import { parseZones, ZoneSet } from '#dns/zone.ts';
import { CLASS_IN, type DnsData, type DnsName, type DnsRecord, RecordType, ResponseCode } from '#wire/dns.ts';
import { type DnsQuery, questionLabels } from '#wire/dns-query.ts';

const TTL = 604_800;
const LOCALHOST = ['localhost'];
const ZONES = new ZoneSet(
  ['localhost', '0.in-addr.arpa', '127.in-addr.arpa', '255.in-addr.arpa'].flatMap((zone) => parseZones(zone)),
);
const LOOPBACK = '1.0.0.127.in-addr.arpa';

/** `local`: answers `localhost` and the reverse zones of 0, 127 and 255 itself (RFC 6303), so that they stay inside. */
export const local: Plugin = {
  name: 'local',
  parse(directives) {
    const directive = onlyOnce(directives);
    noArgs(directive);
    noBlock(directive);
    return {
      explain: ['answers localhost and the reverse names of 127.0.0.0/8 with fixed records'],
      setup({ metrics }) {
        const below = metrics
          .counter('coredns_local_localhost_requests_total', 'Queries for names below localhost.')
          .with();
        return {
          name: 'local',
          handle(request, next) {
            const answer = planLocal(request.query);
            if (answer === undefined) return next(request);
            if (isBelowLocalhost(questionLabels(request.query))) below.value++;
            request.answeredBy = 'local';
            return answer;
          },
        };
      },
    };
  },
};

/** `localhost` with a domain behind it counts too: resolvers make such names of their search path. */
function isBelowLocalhost(labels: DnsName): boolean {
  return (
    labels.length > 1 && [labels[0], labels.at(-1)].some((label) => label?.toLowerCase() === 'localhost')
  );
}

/** Undefined when the name is none of these. */
export function planLocal(query: DnsQuery): DnsAnswer | undefined {
  const labels = questionLabels(query);
  const lower = labels.map((label) => label.toLowerCase());
  const { type } = query;
  if (isBelowLocalhost(labels)) return loopback(labels, type) ?? noData(labels);
  const zone = ZONES.match(query);
  if (zone === undefined) return undefined;
  const apex = labels.slice(labels.length - zone.labels.length);
  if (apex.length === labels.length) return apexAnswer(labels, lower[0] === 'localhost', type);
  if (lower.join('.') !== LOOPBACK) return { ...noData(apex), rcode: ResponseCode.NXDOMAIN };
  return type === RecordType.PTR ? answerWith([toLocalhost(labels, type)], 0) : noData(apex);
}

function apexAnswer(name: DnsName, isLocalhost: boolean, type: number): DnsAnswer {
  if (type === RecordType.SOA) return answerWith([soa(name)], 0);
  if (type === RecordType.NS) return answerWith([toLocalhost(name, type)], 0);
  return (isLocalhost ? loopback(name, type) : undefined) ?? noData(name);
}

function loopback(name: DnsName, type: number): DnsAnswer | undefined {
  if (type !== RecordType.A && type !== RecordType.AAAA) return undefined;
  const address = type === RecordType.A ? '127.0.0.1' : '::1';
  return answerWith([record(name, type, { kind: 'address', address })], 0);
}

function noData(zone: DnsName): DnsAnswer {
  return { ...answerWith([], 0), authorities: [soa(zone)] };
}

function toLocalhost(name: DnsName, type: number): DnsRecord {
  return record(name, type, { kind: 'name', target: LOCALHOST });
}

function soa(name: DnsName): DnsRecord {
  const numbers = { serial: 1, refresh: 0, retry: 0, expire: 0, minimum: TTL };
  return record(name, RecordType.SOA, {
    kind: 'soa',
    mname: LOCALHOST,
    rname: ['root', 'localhost'],
    ...numbers,
  });
}

function record(name: DnsName, type: number, data: DnsData): DnsRecord {
  return { name, type, class: CLASS_IN, ttl: TTL, data };
}
