import { durationMs, fail, integer, noArgs, onlyOnce, unknownOption } from '#dns/corefile/arguments.ts';
import { answerWith, emptyAnswer } from '#dns/finish-answer.ts';
import { DROP } from '#dns/handler.ts';
import { pause } from '#dns/pause.ts';
import type { Plugin } from '#dns/plugin.ts';
import { CLASS_IN, HeaderFlag, RecordType, ResponseCode } from '#wire/dns.ts';
import { questionLabels } from '#wire/dns-query.ts';

export interface ErraticConfig {
  /** Every how many queries; 0: never. */
  readonly drop: number;
  readonly truncate: number;
  readonly delay: number;
  readonly delayMs: number;
}

const MAX_EVERY = 1_000_000;

/** `erratic`: a server for tests of clients; it drops, truncates and delays some of its answers. */
export const erratic: Plugin = {
  name: 'erratic',
  parse(directives) {
    const directive = onlyOnce(directives);
    noArgs(directive);
    let config: ErraticConfig = { drop: 2, truncate: 0, delay: 0, delayMs: 100 };
    for (const option of directive.block ?? []) {
      if (option.args.length > (option.name === 'delay' ? 2 : 1))
        fail(option, `${option.args.at(-1)} is one argument too many`);
      const every = (otherwise: number): number =>
        option.args[0] === undefined ? otherwise : integer(option, option.args[0], 0, MAX_EVERY);
      if (option.name === 'drop') config = { ...config, drop: every(2) };
      else if (option.name === 'truncate') config = { ...config, truncate: every(2) };
      else if (option.name === 'delay') {
        const [, duration = '100ms'] = option.args;
        config = { ...config, delay: every(2), delayMs: durationMs(option, duration) };
      } else unknownOption('erratic', option, ['drop', 'truncate', 'delay']);
    }
    return {
      explain: [`answers badly on purpose: drops one in ${config.drop || 'none'} queries`],
      setup({ signal }) {
        let count = 0;
        return {
          name: 'erratic',
          async handle(request) {
            request.answeredBy = 'erratic';
            const turn = count++;
            if (isTurn(turn, config.drop)) return DROP;
            if (isTurn(turn, config.delay)) await pause(config.delayMs, signal);
            const { type } = request.query;
            const truncated = isTurn(turn, config.truncate) ? HeaderFlag.TC : 0;
            const flags = HeaderFlag.AA | truncated;
            if (type !== RecordType.A && type !== RecordType.AAAA) return emptyAnswer(ResponseCode.SERVFAIL);
            const address = type === RecordType.A ? '192.0.2.53' : '2001:db8::53';
            const name = questionLabels(request.query);
            return answerWith(
              [{ name, type, class: CLASS_IN, ttl: 0, data: { kind: 'address', address } }],
              flags,
            );
          },
        };
      },
    };
  },
};

/** The first query is one of them. */
function isTurn(turn: number, every: number): boolean {
  return every > 0 && turn % every === 0;
}
