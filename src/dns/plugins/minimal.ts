import { noArgs, noBlock, onlyOnce } from '#dns/corefile/arguments.ts';
import { nextAnswer } from '#dns/finish-answer.ts';
import type { DnsAnswer } from '#dns/handler.ts';
import type { Plugin } from '#dns/plugin.ts';
import { RecordType, ResponseCode } from '#wire/dns.ts';

/** `minimal`: leaves out of positive answers what was not asked for. */
export const minimal: Plugin = {
  name: 'minimal',
  parse(directives) {
    const directive = onlyOnce(directives);
    noArgs(directive);
    noBlock(directive);
    return {
      explain: ['leaves authority and additional sections out where there is an answer'],
      setup: () => ({
        name: 'minimal',
        handle: (request, next) => nextAnswer(request, next, planMinimal),
      }),
    };
  },
};

/** Negative answers, delegations and transfers stay whole: what they have besides the answer is what they say. */
function planMinimal(answer: DnsAnswer): DnsAnswer {
  const { rcode, answers, authorities } = answer;
  const saysMore = authorities.some(({ type }) => type === RecordType.NS || type === RecordType.SOA);
  if (rcode !== ResponseCode.NOERROR || (answers.length === 0 && saysMore)) return answer;
  if (answer.transfer === true) return answer;
  return { ...answer, authorities: [], additionals: [] };
}
