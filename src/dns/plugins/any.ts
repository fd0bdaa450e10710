import { noArgs, noBlock, onlyOnce } from '#dns/corefile/arguments.ts';
import { answerWith } from '#dns/finish-answer.ts';
import type { Plugin } from '#dns/plugin.ts';
import { RecordType } from '#wire/dns.ts';
import { questionLabels } from '#wire/dns-query.ts';
import { parseRecordOf, splitTokens } from '#wire/dns-text.ts';

/** `any`: a short answer to queries of type ANY (RFC 8482), so that they are of no use to attackers. */
export const any: Plugin = {
  name: 'any',
  parse(directives) {
    const directive = onlyOnce(directives);
    noArgs(directive);
    noBlock(directive);
    return {
      explain: ['answers queries of type ANY with one HINFO record (RFC 8482)'],
      setup: () => ({
        name: 'any',
        handle(request, next) {
          if (request.query.type !== RecordType.ANY) return next(request);
          request.answeredBy = 'any';
          const hinfo = splitTokens('HINFO "ANY obsoleted" "See RFC 8482"');
          return answerWith(
            [parseRecordOf(questionLabels(request.query), hinfo, { origin: [], ttl: 8482 })],
            0,
          );
        },
      }),
    };
  },
};
