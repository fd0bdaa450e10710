import { fail, onlyArg, unknownOption, zonesArg } from '#dns/corefile/arguments.ts';
import type { Directive } from '#dns/corefile/parse.ts';
import type { ParseScope } from '#dns/plugin.ts';
import { isInZone, type Zone } from '#dns/zone.ts';
import { Cidr, parseAddressPort, parseIp } from '#lib/ip.ts';
import type { Secondary } from './notify.ts';

const DNS_PORT = 53;

/** Who may have which zones, and is told when they change. */
export interface TransferRule {
  readonly zones: readonly Zone[];
  readonly to: readonly (Cidr | '*')[];
  /** Those of `to` that are single servers. */
  readonly secondaries: readonly Secondary[];
  /** The address that they are told from; undefined: as the route goes. */
  readonly source: string | undefined;
}

export function parseTransferRule(directive: Directive, { keys }: ParseScope): TransferRule {
  const zones = zonesArg(
    directive,
    directive.args,
    keys.map(({ zone }) => zone),
  );
  const to: (Cidr | '*')[] = [];
  const secondaries: Secondary[] = [];
  let source: string | undefined;
  for (const option of directive.block ?? []) {
    if (option.name === 'source') source = sourceArg(option, source);
    else if (option.name === 'to') {
      if (option.args.length === 0) fail(option, 'takes addresses, networks or *');
      for (const text of option.args) {
        const secondary = secondaryArg(text);
        if (secondary !== undefined) secondaries.push(secondary);
        to.push(secondary === undefined ? networkArg(option, text) : Cidr.host(secondary.address));
      }
    } else unknownOption('transfer', option, ['to', 'source']);
  }
  if (to.length === 0) fail(directive, 'says to nobody: a line such as to * or to 10.0.0.7 is missing');
  return { zones, to, secondaries, source };
}

function secondaryArg(text: string): Secondary | undefined {
  const address = parseIp(text);
  return address === undefined ? parseAddressPort(text) : { address, port: DNS_PORT };
}

function networkArg(option: Directive, text: string): Cidr | '*' {
  const network = text === '*' ? text : Cidr.parse(text);
  return network ?? fail(option, `${JSON.stringify(text)} is neither an address nor a network nor *`);
}

function sourceArg(option: Directive, before: string | undefined): string {
  if (before !== undefined) fail(option, 'is there already; once is all there may be');
  const text = onlyArg(option, 'an address');
  return parseIp(text) ?? fail(option, `${JSON.stringify(text)} is no address`);
}

/** The rule with the longest zone that a name, by its key, is in. */
export function ruleFor(key: string, rules: readonly TransferRule[]): TransferRule | undefined {
  const found = rules.flatMap((rule) =>
    rule.zones.filter((zone) => isInZone(key, zone)).map((zone) => ({ rule, zone })),
  );
  return found.toSorted((a, b) => b.zone.labels.length - a.zone.labels.length)[0]?.rule;
}
