import { hostname } from 'node:os';
import { noBlock, onlyOnce } from '#dns/corefile/arguments.ts';
import { ednsOptions } from '#dns/edns-options.ts';
import { nextAnswer } from '#dns/finish-answer.ts';
import type { Plugin } from '#dns/plugin.ts';

const OPTION_NSID = 3;

/** `nsid [TEXT…]`: tells who answered to clients that ask for it (RFC 5001); the host's name by default. */
export const nsid: Plugin = {
  name: 'nsid',
  parse(directives) {
    const directive = onlyOnce(directives);
    noBlock(directive);
    const text = directive.args.length > 0 ? directive.args.join(' ') : hostname();
    const option = { code: OPTION_NSID, data: Buffer.from(text) };
    return {
      explain: [`names itself ${text} to clients that ask with the EDNS option NSID`],
      setup: () => ({
        name: 'nsid',
        handle(request, next) {
          if (request.query.edns === undefined) return next(request);
          if (!ednsOptions(request.query).some(({ code }) => code === OPTION_NSID)) return next(request);
          return nextAnswer(request, next, (answer) => ({
            ...answer,
            options: [...(answer.options ?? []), option],
          }));
        },
      }),
    };
  },
};
