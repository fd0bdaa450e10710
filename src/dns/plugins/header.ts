import { choice, fail, noArgs, unknownOption } from '#dns/corefile/arguments.ts';
import type { Directive } from '#dns/corefile/parse.ts';
import { finishAnswer, nextAnswer, withMessage } from '#dns/finish-answer.ts';
import type { DnsAnswer, DnsRequest, DnsResult } from '#dns/handler.ts';
import type { Plugin } from '#dns/plugin.ts';
import { isServerError } from '#dns/server-error.ts';
import { HeaderFlag } from '#wire/dns.ts';

/** Flags to switch on and off; off wins over on where a rule comes later. */
export interface HeaderRules {
  readonly query: readonly FlagRule[];
  readonly response: readonly FlagRule[];
}

export interface FlagRule {
  readonly flag: number;
  readonly on: boolean;
}

const QUERY_FLAGS = ['aa', 'ra', 'rd', 'ad', 'cd'] as const;
const RESPONSE_FLAGS = ['aa', 'ra', 'rd', 'ad', 'cd'] as const;
const FLAG_BITS = {
  aa: HeaderFlag.AA,
  ra: HeaderFlag.RA,
  rd: HeaderFlag.RD,
  ad: HeaderFlag.AD,
  cd: HeaderFlag.CD,
} as const;

const QUERY_BITS = HeaderFlag.RD | HeaderFlag.CD;

/** `header { [query|response] set|clear FLAG… }`: changes flags of queries and responses. */
export const header: Plugin = {
  name: 'header',
  parse(directives) {
    const rules = parseHeaderRules(directives);
    const inBytes = [...rules.query, ...rules.response].some(({ flag }) => (flag & QUERY_BITS) !== 0);
    return {
      explain: ['changes flags in the header'],
      setup: () => ({
        name: 'header',
        handle(request, next) {
          const asked = changedQuery(request, rules.query);
          if (rules.response.length === 0 && !inBytes) return next(asked);
          return nextAnswer(asked, next, (answer) => {
            request.answeredBy = asked.answeredBy;
            const changed = isServerError(answer)
              ? answer
              : { ...answer, flags: applyFlags(answer.flags, rules.response) };
            return inBytes ? finishWithFlags(request, asked, changed, rules.response) : changed;
          });
        },
      }),
    };
  },
};

function changedQuery(request: DnsRequest, rules: readonly FlagRule[]): DnsRequest {
  if (rules.length === 0) return request;
  const message = Buffer.from(request.query.message);
  message.writeUInt16BE(applyFlags(message.readUInt16BE(2), rules), 2);
  return withMessage(request, message) ?? request;
}

/** In bytes, which repeat RD and CD of the query as it was changed. */
function finishWithFlags(
  { limit }: DnsRequest,
  asked: DnsRequest,
  answer: DnsAnswer,
  rules: readonly FlagRule[],
): DnsResult {
  if (answer.transfer === true) return answer;
  const response = finishAnswer({ ...asked, limit }, answer);
  if (!isServerError(answer)) response.writeUInt16BE(applyFlags(response.readUInt16BE(2), rules), 2);
  return response;
}

function parseHeaderRules(directives: readonly Directive[]): HeaderRules {
  const query: FlagRule[] = [];
  const response: FlagRule[] = [];
  for (const directive of directives) {
    noArgs(directive);
    if (directive.block === undefined || directive.block.length === 0)
      fail(directive, 'needs a block with lines such as: response set ra');
    for (const option of directive.block) {
      const { name, args } = option;
      if (name === 'query') query.push(...flagRules(option, args, QUERY_FLAGS));
      else if (name === 'response') response.push(...flagRules(option, args, RESPONSE_FLAGS));
      else if (name === 'set' || name === 'clear')
        response.push(...flagRules(option, [name, ...args], RESPONSE_FLAGS));
      else unknownOption('header', option, ['query', 'response', 'set', 'clear']);
    }
  }
  return { query, response };
}

function flagRules(
  option: Directive,
  [action = '', ...flags]: readonly string[],
  known: readonly (keyof typeof FLAG_BITS)[],
): FlagRule[] {
  const on = choice(option, action, ['set', 'clear']) === 'set';
  if (flags.length === 0) fail(option, `which flags? There are ${known.join(', ')}`);
  return flags.map((flag) => ({ flag: FLAG_BITS[choice(option, flag.toLowerCase(), known)], on }));
}

function applyFlags(flags: number, rules: readonly FlagRule[]): number {
  return rules.reduce((word, { flag, on }) => (on ? word | flag : word & ~flag), flags);
}
