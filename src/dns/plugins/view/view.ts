import { fail, onlyArg, onlyOnce, unknownOption } from '#dns/corefile/arguments.ts';
import type { Directive } from '#dns/corefile/parse.ts';
import { emptyAnswer } from '#dns/finish-answer.ts';
import type { Client, DnsRequest } from '#dns/handler.ts';
import type { BlockContext, Plugin } from '#dns/plugin.ts';
import { Cidr, parseIp, unmapIp } from '#lib/ip.ts';
import { CLASS_IN, encodeQuery, formatName, RecordType, ResponseCode, typeName } from '#wire/dns.ts';
import { questionLabels, readQuery } from '#wire/dns-query.ts';
import {
  type Expression,
  ExpressionError,
  type ExpressionFunctions,
  type ExpressionValue,
  parseExpression,
  truth,
} from './expression.ts';
import { UnfitValueError } from './expression-value.ts';

const MIN_UDP = 512;
const MAX_STREAM = 65_535;
const CLASS_NAMES: Readonly<Record<number, string>> = { 1: 'IN', 3: 'CH', 4: 'HS', 255: 'ANY' };

/** Functions that expressions may call. */
export const VIEW_FUNCTIONS: ExpressionFunctions<DnsRequest> = {
  bufsize: ({ client, query }) =>
    client.transport === 'udp' ? Math.max(MIN_UDP, query.edns?.udpSize ?? 0) : MAX_STREAM,
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
    const expression = parseExpression(option.args.join(' '), VIEW_FUNCTIONS);
    tryOut(expression);
    return expression;
  } catch (error) {
    return fail(option, (error as Error).message);
  }
}

/** Values of the wrong kind are so for every query: one is enough to find them. */
function tryOut(expression: Expression<DnsRequest>): void {
  try {
    truth(expression(sampleRequest()));
  } catch (error) {
    if (!(error instanceof UnfitValueError)) throw error;
  }
}

function sampleRequest(): DnsRequest {
  const message = encodeQuery(0, { name: ['example', 'org'], type: RecordType.A, class: CLASS_IN }, 0);
  const query = readQuery(message);
  if ('rejected' in query) throw new TypeError('the sample is no query');
  const local = { address: '127.0.0.1', port: 53 };
  const client: Client = { transport: 'udp', family: 4, address: '127.0.0.1', port: 1024, local };
  const block: BlockContext = {
    keys: [],
    server: '',
    zone: '.',
    view: '',
    plugins: [],
    metadata: () => undefined,
    resolve: () => emptyAnswer(ResponseCode.SERVFAIL),
    express: new Map(),
  };
  return { query, client, block, limit: MIN_UDP, answeredBy: '', depth: 0 };
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
