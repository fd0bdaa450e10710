import { choice, fail, integer } from '#dns/corefile/arguments.ts';
import type { Directive } from '#dns/corefile/parse.ts';
import { ednsOptions, withEdns } from '#dns/edns-options.ts';
import type { DnsRequest } from '#dns/handler.ts';
import { ipToBytes } from '#lib/ip.ts';
import { formatName } from '#wire/dns.ts';
import type { EdnsOption } from '#wire/dns-answer.ts';
import { questionLabels } from '#wire/dns-query.ts';
import type { RewriteRule } from './rule.ts';

const NSID = 3;
const SUBNET = 8;
type Action = 'set' | 'append' | 'replace' | 'unset';

/** `edns0 local|nsid|subnet set|append|replace|unset …`: changes options of the OPT record, which is added if need be. */
export function ednsRule(directive: Directive, words: readonly string[], continues: boolean): RewriteRule {
  const [kindText = '', actionText = '', ...more] = words;
  // `revert` takes options out of responses again, where none are put in to begin with.
  const args = more.at(-1) === 'revert' ? more.slice(0, -1) : more;
  const kind = choice(directive, kindText.toLowerCase(), ['local', 'nsid', 'subnet']);
  const action: Action = choice(directive, actionText.toLowerCase(), ['set', 'append', 'replace', 'unset']);
  const { code, data } = READERS[kind](directive, action, args);
  return {
    continues,
    apply(request) {
      const value = data(request);
      if (value === undefined) return undefined;
      const options = changeOptions(ednsOptions(request.query), action, { code, data: value });
      if (options === undefined) return undefined;
      const changed = withEdns(request, { options });
      return changed === undefined ? undefined : { request: changed, changesEdns: true };
    },
  };
}

interface OptionMaker {
  readonly code: number;
  /** Undefined where it is not known: the rule then does not apply. */
  readonly data: (request: DnsRequest) => Uint8Array | undefined;
}

type Reader = (directive: Directive, action: Action, args: readonly string[]) => OptionMaker;

const READERS: Readonly<Record<'local' | 'nsid' | 'subnet', Reader>> = {
  local: localOption,
  nsid(directive, action, args) {
    if (args.length > 0) fail(directive, `edns0 nsid ${action} takes nothing more, but revert`);
    return { code: NSID, data: () => new Uint8Array() };
  },
  subnet: subnetOption,
};

/** Undefined when the action has nothing to do. */
export function changeOptions(
  options: readonly EdnsOption[],
  action: Action,
  option: EdnsOption,
): EdnsOption[] | undefined {
  const at = options.findIndex(({ code }) => code === option.code);
  switch (action) {
    case 'unset':
      return at < 0 ? undefined : options.filter(({ code }) => code !== option.code);
    case 'replace':
      return at < 0 ? undefined : options.with(at, option);
    case 'set':
      return at < 0 ? [...options, option] : options.with(at, option);
    default:
      // There is one client: its subnet is not told twice.
      return at >= 0 && option.code === SUBNET ? undefined : [...options, option];
  }
}

function localOption(
  directive: Directive,
  action: Action,
  [codeText = '', text, ...more]: readonly string[],
): OptionMaker {
  const code = Number(codeText);
  if (!/^(0x[0-9a-f]+|\d+)$/i.test(codeText) || code > 0xffff)
    fail(directive, `${codeText} is no option number such as 0xffee`);
  if (action === 'unset') {
    if (text !== undefined) fail(directive, 'edns0 local unset takes a number alone');
    return { code, data: () => new Uint8Array() };
  }
  if (text === undefined || more.length > 0) fail(directive, `edns0 local ${action} takes a number and data`);
  if (/^0x/i.test(text)) {
    if (!/^0x([0-9a-f]{2})*$/i.test(text)) fail(directive, `${text} is no data in hex`);
    const bytes = Buffer.from(text.slice(2), 'hex');
    return { code, data: () => bytes };
  }
  const variable = /^\{(.+)\}$/.exec(text)?.[1];
  if (variable === undefined) return { code, data: () => Buffer.from(text) };
  const label = variable.startsWith('/') ? variable.slice(1) : variable;
  if (label.includes('/')) return { code, data: (request) => metadataOf(request, label) };
  const read = Object.hasOwn(VARIABLES, variable) ? VARIABLES[variable] : undefined;
  if (read === undefined)
    fail(
      directive,
      `there is no ${text}; there are ${Object.keys(VARIABLES).join(', ')} and {PLUGIN/NAME} of metadata`,
    );
  return { code, data: read };
}

function metadataOf(request: DnsRequest, label: string): Uint8Array | undefined {
  const value = request.block.metadata(request, label);
  return value === undefined || value === '' ? undefined : Buffer.from(value);
}

const VARIABLES: Readonly<Record<string, (request: DnsRequest) => Uint8Array>> = {
  qname: ({ query }) => Buffer.from(formatName(questionLabels(query))),
  qtype: ({ query }) => u16(query.type),
  client_ip: ({ client }) => ipToBytes(client.address),
  client_port: ({ client }) => u16(client.port),
  protocol: ({ client }) => Buffer.from(client.transport === 'udp' ? 'udp' : 'tcp'),
  server_ip: ({ client }) => ipToBytes(client.local.address),
  server_port: ({ client }) => u16(client.local.port),
};

function u16(value: number): Uint8Array {
  return Uint8Array.of(value >> 8, value & 0xff);
}

/** Client subnet (RFC 7871): the client's network of so many bits. */
function subnetOption(
  directive: Directive,
  action: Action,
  [v4, v6, ...more]: readonly string[],
): OptionMaker {
  if (action === 'unset') {
    if (v4 !== undefined) fail(directive, 'edns0 subnet unset takes nothing more');
    return { code: SUBNET, data: () => new Uint8Array() };
  }
  if (v4 === undefined || v6 === undefined || more.length > 0)
    fail(directive, `edns0 subnet ${action} takes the bits of IPv4 and of IPv6 networks, such as 24 56`);
  const bits = { 4: integer(directive, v4, 0, 32), 6: integer(directive, v6, 0, 128) };
  return {
    code: SUBNET,
    data: ({ client }) => clientSubnet(client.address, client.family, bits[client.family]),
  };
}

function clientSubnet(address: string, family: 4 | 6, bits: number): Uint8Array {
  const bytes = ipToBytes(address).slice(0, Math.ceil(bits / 8));
  const spare = bytes.length * 8 - bits;
  if (bytes.length > 0) bytes[bytes.length - 1] = ((bytes.at(-1) ?? 0) >> spare) << spare;
  return Uint8Array.of(0, family === 4 ? 1 : 2, bits, 0, ...bytes);
}
