import { noArgs, noBlock, onlyOnce } from '#dns/corefile/arguments.ts';
import { answerWith } from '#dns/finish-answer.ts';
import type { DnsAnswer, DnsRequest } from '#dns/handler.ts';
import type { Plugin } from '#dns/plugin.ts';
import { type DnsRecord, RecordType } from '#wire/dns.ts';
import { questionLabels } from '#wire/dns-query.ts';

/** `whoami`: tells clients their address, port and transport, in the additional section. */
export const whoami: Plugin = {
  name: 'whoami',
  parse(directives) {
    const directive = onlyOnce(directives);
    noArgs(directive);
    noBlock(directive);
    return {
      explain: ["answers every name with the client's address, port and transport"],
      setup: () => ({
        name: 'whoami',
        handle(request) {
          request.answeredBy = 'whoami';
          return planWhoami(request);
        },
      }),
    };
  },
};

/** Address as A or AAAA, port and transport as SRV. */
export function planWhoami({ query, client }: Pick<DnsRequest, 'query' | 'client'>): DnsAnswer {
  const name = questionLabels(query);
  const common = { class: query.class, ttl: 0 };
  const address: DnsRecord = {
    ...common,
    name,
    type: client.family === 4 ? RecordType.A : RecordType.AAAA,
    data: { kind: 'address', address: client.address },
  };
  const proto = client.transport === 'udp' ? 'udp' : 'tcp';
  const service: DnsRecord = {
    ...common,
    name: [`_${proto}`, ...name],
    type: RecordType.SRV,
    data: { kind: 'srv', priority: 0, weight: 0, port: client.port, target: [] },
  };
  return { ...answerWith([]), additionals: [address, service] };
}
