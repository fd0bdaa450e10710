import { finishAnswer, nextAnswer } from '#dns/finish-answer.ts';
import type { Answerer, DnsAnswer, DnsReply, DnsRequest, DnsResult } from '#dns/handler.ts';
import { lookUp } from '#dns/look-up.ts';
import type { Plugin } from '#dns/plugin.ts';
import { isServerError } from '#dns/server-error.ts';
import { parseRewrite } from './parse.ts';
import type { AnswerChange, RewriteRule } from './rule.ts';

/** `rewrite`: changes queries on their way in and answers on their way out. */
export const rewrite: Plugin = {
  name: 'rewrite',
  parse(directives) {
    const rules = directives.map(parseRewrite);
    return {
      explain: directives.map(({ args }) => `rewrites ${args.join(' ')}`),
      setup: () => ({ name: 'rewrite', handle: (request, next) => applyRules(rules, request, next) }),
    };
  },
};

function applyRules(rules: readonly RewriteRule[], request: DnsRequest, next: Answerer): DnsReply {
  let current = request;
  /** The client's own question, with the OPT record that rules made. */
  let presented = request;
  const changes: AnswerChange[] = [];
  for (const rule of rules) {
    const applied = rule.apply(current);
    if (applied === undefined) continue;
    current = applied.request;
    if (applied.respond !== undefined) changes.unshift(applied.respond);
    if (applied.changesEdns === true) presented = rule.apply(presented)?.request ?? presented;
    if (!rule.continues) break;
  }
  if (current === request && changes.length === 0) return next(request);
  return nextAnswer(current, next, (answer) => {
    request.answeredBy = current.answeredBy;
    const finish = (changed: DnsAnswer): DnsResult =>
      presented === request ? changed : finishAnswer(presented, changed);
    if (isServerError(answer)) return answer;
    const changed = changeAnswer(answer, changes, request);
    return changed instanceof Promise ? changed.then(finish) : finish(changed);
  });
}

function changeAnswer(
  answer: DnsAnswer,
  changes: readonly AnswerChange[],
  request: DnsRequest,
): DnsAnswer | Promise<DnsAnswer> {
  return changes.reduce<DnsAnswer | Promise<DnsAnswer>>((current, change) => {
    const apply = (value: DnsAnswer): DnsAnswer | Promise<DnsAnswer> =>
      change(value, (name, type) => lookUp(request, name, type));
    return current instanceof Promise ? current.then(apply) : apply(current);
  }, answer);
}
