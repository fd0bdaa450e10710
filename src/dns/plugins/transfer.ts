import { fail, onlyArg, unknownOption, zonesArg } from '#dns/corefile/arguments.ts';
import type { Directive } from '#dns/corefile/parse.ts';
import { emptyAnswer } from '#dns/finish-answer.ts';
import type { Answerer, DnsAnswer, DnsReply, DnsRequest } from '#dns/handler.ts';
import type { BlockContext, ParseScope, Plugin, ZoneTransfer } from '#dns/plugin.ts';
import { type Zone, ZoneSet } from '#dns/zone.ts';
import { Cidr, parseIp } from '#lib/ip.ts';
import { decodeMessage, HeaderFlag, RecordType, ResponseCode } from '#wire/dns.ts';

/** Who may have which zones. */
interface Rule {
  readonly zones: ZoneSet;
  readonly to: readonly (Cidr | '*')[];
}

/** `transfer`: whole zones (AXFR; IXFR is answered likewise) of the block's plugins, to those who may have them. */
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
        handle: (request, next) => answerTransfer(request, next, rules, block),
      }),
    };
  },
};

function answerTransfer(
  request: DnsRequest,
  next: Answerer,
  rules: readonly Rule[],
  block: BlockContext,
): DnsReply {
  const { type, key } = request.query;
  if (type !== RecordType.AXFR && type !== RecordType.IXFR) return next(request);
  const refused = emptyAnswer(ResponseCode.REFUSED);
  if (!isStream(request)) return refused;
  const rule = ruleFor(request, rules);
  if (rule === undefined) return next(request);
  if (!rule.to.some((network) => network === '*' || network.contains(request.client.address))) return refused;
  const held = type === RecordType.IXFR ? heldSerial(request) : undefined;
  if (type === RecordType.IXFR && held === undefined) return emptyAnswer(ResponseCode.SERVFAIL);
  const zone = transferOf(block, key.slice(0, -4));
  if (zone === undefined) return next(request);
  request.answeredBy = 'transfer';
  return held === undefined || isOlder(held, zone.serial) ? transferred(zone) : onlySoa(zone);
}

/** Never over UDP: a source address can be anybody's there, and the answer is large. */
function isStream({ client: { transport } }: DnsRequest): boolean {
  return transport === 'tcp' || transport === 'tls';
}

/** The one with the longest zone that the name is in. */
function ruleFor({ query }: DnsRequest, rules: readonly Rule[]): Rule | undefined {
  const length = ({ zones }: Rule): number => zones.match(query)?.labels.length ?? -1;
  const [best] = rules.toSorted((a, b) => length(b) - length(a));
  return best !== undefined && length(best) >= 0 ? best : undefined;
}

/** The serial of the zone as the client has it, which it has to say (RFC 1995 §3). */
function heldSerial({ query }: DnsRequest): number | undefined {
  try {
    const { authorities } = decodeMessage(query.message);
    const [soa] = authorities;
    return authorities.length === 1 && soa?.data.kind === 'soa' ? soa.data.serial : undefined;
  } catch {
    return undefined;
  }
}

/** In the order of serials, which goes round (RFC 1982 §3.2). */
function isOlder(serial: number, other: number): boolean {
  return ((other - serial) | 0) > 0;
}

function parseRule(directive: Directive, { keys }: ParseScope): Rule {
  const zones: readonly Zone[] = zonesArg(
    directive,
    directive.args,
    keys.map(({ zone }) => zone),
  );
  const to: (Cidr | '*')[] = [];
  for (const option of directive.block ?? []) {
    if (option.name === 'source') {
      // Where CoreDNS tells of changes from; nothing is told here.
      if (parseIp(onlyArg(option, 'an address')) === undefined) fail(option, 'takes an address');
      continue;
    }
    if (option.name !== 'to') unknownOption('transfer', option, ['to', 'source']);
    if (option.args.length === 0) fail(option, 'takes addresses, networks or *');
    to.push(...option.args.map((text) => clientArg(option, text)));
  }
  if (to.length === 0) fail(directive, 'says to nobody: a line such as to * or to 10.0.0.7 is missing');
  return { zones: new ZoneSet(zones), to };
}

function clientArg(option: Directive, text: string): Cidr | '*' {
  if (text === '*') return '*';
  // A port is where it would be told of changes.
  const address = parseIp(text) ?? parseIp(text.replace(/^\[?(.*?)\]?:\d{1,5}$/, '$1'));
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

/** The SOA first and last, all else between (RFC 5936 §2.2). */
function transferred(zone: ZoneTransfer): DnsAnswer {
  const records = [...zone.records()];
  const [soa] = records;
  const answers = soa === undefined ? records : [...records, soa];
  return { ...emptyAnswer(ResponseCode.NOERROR, HeaderFlag.AA), answers, transfer: true };
}

/** There is nothing newer (RFC 1995 §2). */
function onlySoa(zone: ZoneTransfer): DnsAnswer {
  const [soa] = zone.records();
  return { ...emptyAnswer(ResponseCode.NOERROR), answers: soa === undefined ? [] : [soa] };
}
