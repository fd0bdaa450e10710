import { emptyAnswer } from '#dns/finish-answer.ts';
import type { Answerer, DnsAnswer, DnsReply, DnsRequest } from '#dns/handler.ts';
import type { BlockContext, Plugin, SetupContext, ZoneTransfer } from '#dns/plugin.ts';
import type { Zone } from '#dns/zone.ts';
import { decodeMessage, HeaderFlag, RecordType, ResponseCode } from '#wire/dns.ts';
import { parseTransferRule, ruleFor, type TransferRule } from './config.ts';
import { notify } from './notify.ts';

/**
 * `transfer`: whole zones (AXFR; IXFR is answered likewise) of the block's plugins, to those who may have them, who are
 * told when a zone changes.
 */
export const transfer: Plugin = {
  name: 'transfer',
  parse(directives, scope) {
    const rules = directives.map((directive) => parseTransferRule(directive, scope));
    return {
      explain: rules.map(
        ({ zones, to }) =>
          `gives whole zones (${zones.map(({ text }) => text).join(', ')}) to ${to.join(', ').replace('*', 'everybody')}`,
      ),
      setup: (context) => ({
        name: 'transfer',
        passes: () => true,
        handle: (request, next) => answerTransfer(request, next, rules, context.block),
        zoneChanged: (zone) => tell(zone, rules, context),
      }),
    };
  },
};

function tell(zone: Zone, rules: readonly TransferRule[], { log, signal }: SetupContext): void {
  const rule = ruleFor(zone.key, rules);
  for (const secondary of rule?.secondaries ?? []) {
    notify(secondary, zone.labels, { source: rule?.source, signal }).catch((error: Error) => {
      if (!signal.aborted) log(error.message, 'WARNING');
    });
  }
}

function answerTransfer(
  request: DnsRequest,
  next: Answerer,
  rules: readonly TransferRule[],
  block: BlockContext,
): DnsReply {
  const { type, key } = request.query;
  if (type !== RecordType.AXFR && type !== RecordType.IXFR) return next(request);
  const refused = emptyAnswer(ResponseCode.REFUSED);
  if (!isStream(request)) return refused;
  const zoneKey = key.slice(0, -4);
  const rule = ruleFor(zoneKey, rules);
  if (rule === undefined) return next(request);
  if (!rule.to.some((network) => network === '*' || network.contains(request.client.address))) return refused;
  const held = type === RecordType.IXFR ? heldSerial(request) : undefined;
  if (type === RecordType.IXFR && held === undefined) return emptyAnswer(ResponseCode.SERVFAIL);
  const zone = transferOf(block, zoneKey);
  if (zone === undefined) return next(request);
  request.answeredBy = 'transfer';
  return held === undefined || isOlder(held, zone.serial) ? transferred(zone) : onlySoa(zone);
}

/** Never over UDP: a source address can be anybody's there, and the answer is large. */
function isStream({ client: { transport } }: DnsRequest): boolean {
  return transport === 'tcp' || transport === 'tls';
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
