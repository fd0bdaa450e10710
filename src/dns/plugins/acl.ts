import { choice, fail, noBlock, zonesArg } from '#dns/corefile/arguments.ts';
import type { Directive } from '#dns/corefile/parse.ts';
import { emptyAnswer } from '#dns/finish-answer.ts';
import { type DnsAnswer, DROP } from '#dns/handler.ts';
import type { ParseScope, Plugin } from '#dns/plugin.ts';
import { isApart, type Zone, ZoneSet } from '#dns/zone.ts';
import { Cidr, parseIp, unmapIp } from '#lib/ip.ts';
import { RecordType, ResponseCode, typeNumber } from '#wire/dns.ts';

const ACTIONS = ['allow', 'block', 'filter', 'drop'] as const;
export type AclAction = (typeof ACTIONS)[number];

/** Applies to queries of one of the types (undefined: any) from one of the networks (undefined: any). */
export interface AclPolicy {
  readonly action: AclAction;
  readonly types: ReadonlySet<number> | undefined;
  readonly networks: readonly Cidr[] | undefined;
}

export interface AclRule {
  readonly zones: ZoneSet;
  readonly policies: readonly AclPolicy[];
}

/** With the reason as an extended error, where the client understands those (RFC 8914). */
const EXTENDED_ERROR = 15;
const ANSWERS = {
  block: extended(ResponseCode.REFUSED, 15),
  filter: extended(ResponseCode.NOERROR, 17),
} as const;

/** `acl [ZONE…] { ACTION [type TYPE…] [net NETWORK…] }`: who may ask what. */
export const acl: Plugin = {
  name: 'acl',
  parse(directives, scope) {
    const rules = directives.map((directive) => parseAclRule(directive, scope));
    return {
      explain: rules.flatMap(({ policies }) =>
        policies.map(
          ({ action, networks }) => `${action}s queries from ${networks?.join(', ') ?? 'everywhere'}`,
        ),
      ),
      setup({ metrics }) {
        const labels = ['server', 'zone', 'view'];
        const counters = {
          allow: metrics.counter('coredns_acl_allowed_requests_total', 'Requests allowed.', [
            'server',
            'view',
          ]),
          block: metrics.counter('coredns_acl_blocked_requests_total', 'Requests blocked.', labels),
          filter: metrics.counter('coredns_acl_filtered_requests_total', 'Requests filtered.', labels),
          drop: metrics.counter('coredns_acl_dropped_requests_total', 'Requests dropped.', labels),
        };
        return {
          name: 'acl',
          // Nor may a zone pass of which only some names are restricted.
          passes: (zoneKey) =>
            rules.every(({ zones }) => zones.zones.every((zone) => isApart(zone, { key: zoneKey }))),
          handle(request, next) {
            const { query, client } = request;
            for (const rule of rules) {
              const zone = rule.zones.match(query);
              if (zone === undefined) continue;
              const action = planAcl(rule.policies, client.address, query.type);
              if (action === 'allow') continue;
              counters[action].with(request.block.server, zone.text, request.block.view).value++;
              request.answeredBy = 'acl';
              if (action === 'drop') return DROP;
              return ANSWERS[action];
            }
            counters.allow.with(request.block.server, request.block.view).value++;
            return next(request);
          },
        };
      },
    };
  },
};

function extended(rcode: number, reason: number): DnsAnswer {
  return { ...emptyAnswer(rcode), options: [{ code: EXTENDED_ERROR, data: Buffer.from([0, reason]) }] };
}

/** What the first policy that applies says; `allow` when none does. */
export function planAcl(policies: readonly AclPolicy[], address: string, type: number): AclAction {
  const source = unmapIp(address.replace(/%.*/, ''));
  const applies = ({ types, networks }: AclPolicy): boolean =>
    (types?.has(type) ?? true) && (networks?.some((network) => network.contains(source)) ?? true);
  return policies.find(applies)?.action ?? 'allow';
}

export function parseAclRule(directive: Directive, { keys }: ParseScope): AclRule {
  const blockZones: Zone[] = keys.map(({ zone }) => zone);
  const zones = new ZoneSet(zonesArg(directive, directive.args, blockZones));
  if (directive.block === undefined || directive.block.length === 0)
    fail(directive, 'needs a block with lines such as: block type A net 10.0.0.0/8');
  return { zones, policies: directive.block.map(parsePolicy) };
}

function parsePolicy(option: Directive): AclPolicy {
  const action = choice(option, option.name, ACTIONS);
  noBlock(option);
  const types = new Set<number>();
  const networks: Cidr[] = [];
  let [hasType, hasNet, section] = [false, false, ''];
  for (const word of option.args) {
    if (word === 'type' || word === 'net') {
      section = word;
      hasType ||= word === 'type';
      hasNet ||= word === 'net';
    } else if (section === 'type') types.add(aclType(option, word));
    else if (section === 'net') networks.push(...aclNetworks(option, word));
    else fail(option, `${word} comes before type or net`);
  }
  if (hasType && types.size === 0) fail(option, 'type: which one?');
  if (hasNet && networks.length === 0) fail(option, 'net: which one?');
  const anyType = !hasType || types.has(RecordType.ANY);
  return { action, types: anyType ? undefined : types, networks: hasNet ? networks : undefined };
}

function aclType(option: Directive, word: string): number {
  return word === '*' ? RecordType.ANY : (typeNumber(word) ?? fail(option, `${word} is no record type`));
}

function aclNetworks(option: Directive, word: string): Cidr[] {
  if (word === '*') return [Cidr.of('0.0.0.0/0'), Cidr.of('::/0')];
  const address = parseIp(word);
  const network = address === undefined ? Cidr.parse(word) : Cidr.host(address);
  return [network ?? fail(option, `${word} is neither an address nor a network such as 10.0.0.0/8`)];
}
