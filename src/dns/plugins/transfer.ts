import { fail, unknownOption, zonesArg } from '#dns/corefile/arguments.ts';
import type { Directive } from '#dns/corefile/parse.ts';
import { emptyAnswer } from '#dns/finish-answer.ts';
import type { DnsAnswer, DnsRequest } from '#dns/handler.ts';
import type { BlockContext, ParseScope, Plugin, ZoneTransfer } from '#dns/plugin.ts';
import { type Zone, ZoneSet } from '#dns/zone.ts';
import { Cidr, parseIp } from '#lib/ip.ts';
import { HeaderFlag, RecordType, ResponseCode } from '#wire/dns.ts';

/** Who may have which zones. */
interface Rule {
  readonly zones: ZoneSet;
  readonly to: readonly (Cidr | '*')[];
}

/** `transfer`: whole zones (AXFR; IXFR is answered likewise) of `kubernetes` and `file`, to those who may have them. */
export const transfer: Plugin = {
  name: 'transfer',
  parse(directives, scope) {
    const rules = directives.map((directive) => parseRule(directive, scope));
    return {
      explain: rules.map(
        ({ zones, to }) =>
          `gives whole zones (${zones.zones.map(({ text }) => text).join(', ')}) to ${to.join(', ').replace('*', 'everybody')}`,
      ),
      setup: ({ block }) => ({
        name: 'transfer',
        passes: () => true,
        handle(request, next) {
          const { type } = request.query;
          if (type !== RecordType.AXFR && type !== RecordType.IXFR) return next(request);
          const rule = rules.find(({ zones }) => zones.match(request.query) !== undefined);
          if (rule === undefined) return next(request);
          const zoneKey = request.query.key.slice(0, -4);
          const found = transferOf(block, zoneKey);
          if (found === undefined) return next(request);
          request.answeredBy = 'transfer';
          return mayHave(request, rule.to) ? transferred(found) : emptyAnswer(ResponseCode.REFUSED);
        },
      }),
    };
  },
};

function parseRule(directive: Directive, { keys }: ParseScope): Rule {
  const zones: readonly Zone[] = zonesArg(
    directive,
    directive.args,
    keys.map(({ zone }) => zone),
  );
  const to: (Cidr | '*')[] = [];
  for (const option of directive.block ?? []) {
    if (option.name !== 'to') unknownOption('transfer', option, ['to']);
    if (option.args.length === 0) fail(option, 'takes addresses, networks or *');
    to.push(...option.args.map((text) => clientArg(option, text)));
  }
  if (to.length === 0) fail(directive, 'says to nobody: a line such as to * or to 10.0.0.7 is missing');
  return { zones: new ZoneSet(zones), to };
}

function clientArg(option: Directive, text: string): Cidr | '*' {
  if (text === '*') return '*';
  const address = parseIp(text.replace(/:53$/, ''));
  const network = address === undefined ? Cidr.parse(text) : Cidr.host(address);
  return network ?? fail(option, `${JSON.stringify(text)} is neither an address nor a network nor *`);
}

function transferOf({ plugins }: BlockContext, zoneKey: string): ZoneTransfer | undefined {
  for (const plugin of plugins) {
    const found = plugin.transfer?.(zoneKey);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Never over UDP: a source address can be anybody's there, and the answer is large. */
function mayHave({ client }: DnsRequest, to: readonly (Cidr | '*')[]): boolean {
  if (client.transport === 'udp' || client.transport === 'https') return false;
  return to.some((network) => network === '*' || network.contains(client.address));
}

/** The SOA first and last, all else between (RFC 5936 §2.2). */
function transferred(zone: ZoneTransfer): DnsAnswer {
  const records = [...zone.records()];
  const [soa] = records;
  const answers = soa === undefined ? records : [...records, soa];
  return { ...emptyAnswer(ResponseCode.NOERROR, HeaderFlag.AA), answers, transfer: true };
}
