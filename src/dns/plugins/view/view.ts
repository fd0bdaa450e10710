import { fail, onlyArg, onlyOnce, unknownOption } from '#dns/corefile/arguments.ts';
import type { Directive } from '#dns/corefile/parse.ts';
import type { DnsRequest } from '#dns/handler.ts';
import type { Plugin } from '#dns/plugin.ts';
import { Cidr, parseIp, unmapIp } from '#lib/ip.ts';
import { formatName, typeName } from '#wire/dns.ts';
import { questionLabels } from '#wire/dns-query.ts';
import {
  type Expression,
  ExpressionError,
  type ExpressionFunctions,
  type ExpressionValue,
  parseExpression,
  truth,
} from './expression.ts';

const CLASS_NAMES: Readonly<Record<number, string>> = { 1: 'IN', 3: 'CH', 4: 'HS', 255: 'ANY' };

/** Functions that expressions may call. */
export const VIEW_FUNCTIONS: ExpressionFunctions<DnsRequest> = {
  bufsize: ({ query }) => query.edns?.udpSize ?? 512,
  class: ({ query }) => CLASS_NAMES[query.class] ?? `CLASS${query.class}`,
  client_ip: ({ client }) => unmapIp(client.address),
  do: ({ query }) => query.edns?.dnssecOk ?? false,
  id: ({ query }) => query.message.readUInt16BE(0),
  incidr: (_, [address, network]) => inCidr(address, network),
  metadata: (request, [name]) => request.block.metadata(request, String(name)) ?? '',
  name: ({ query }) => formatName(questionLabels(query)).toLowerCase(),
  opcode: ({ query }) => ((query.message[2] ?? 0) >> 3) & 15,
  port: ({ client }) => String(client.port),
  proto: ({ client }) => (client.transport === 'udp' ? 'udp' : 'tcp'),
  server_ip: ({ client }) => client.local.address,
  server_port: ({ client }) => String(client.local.port),
  size: ({ query }) => query.message.length,
  type: ({ query }) => typeName(query.type),
};

/** `view NAME { expr EXPRESSION }`: the server block is for queries only for which all expressions are true. */
export const view: Plugin = {
  name: 'view',
  parse(directives) {
    const directive = onlyOnce(directives);
    const name = onlyArg(directive, 'a name');
    const expressions = (directive.block ?? []).map(readExpression);
    if (expressions.length === 0)
      fail(directive, "needs a block with lines such as: expr incidr(client_ip(), '10.0.0.0/8')");
    const written = (directive.block ?? []).map(({ args }) => args.join(' ')).join(' and ');
    return {
      explain: [`is only for queries with ${written}`],
      settings: {
        view: { name, matches: (request) => expressions.every((expression) => holds(expression, request)) },
      },
      setup: () => ({ name: 'view' }),
    };
  },
};

function readExpression(option: Directive): Expression<DnsRequest> {
  if (option.name !== 'expr') unknownOption('view', option, ['expr']);
  try {
    return parseExpression(option.args.join(' '), VIEW_FUNCTIONS);
  } catch (error) {
    return fail(option, (error as Error).message);
  }
}

/** An expression that cannot be judged does not hold. */
function holds(expression: Expression<DnsRequest>, request: DnsRequest): boolean {
  try {
    return truth(expression(request));
  } catch (error) {
    if (error instanceof ExpressionError) return false;
    throw error;
  }
}

function inCidr(address: ExpressionValue | undefined, network: ExpressionValue | undefined): boolean {
  const parsed = parseIp(String(address));
  const cidr = Cidr.parse(String(network));
  if (parsed === undefined || cidr === undefined)
    throw new ExpressionError(
      `incidr takes an address and a network, not ${String(address)} and ${String(network)}`,
    );
  return cidr.contains(parsed);
}
