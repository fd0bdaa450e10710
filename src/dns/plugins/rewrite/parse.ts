import { fail } from '#dns/corefile/arguments.ts';
import type { Directive } from '#dns/corefile/parse.ts';
import { withMessage, withQuestion } from '#dns/finish-answer.ts';
import { typeNumber } from '#wire/dns.ts';
import { questionLabels } from '#wire/dns-query.ts';
import { cnameRule, rcodeRule, ttlRule } from './answer-rules.ts';
import { ednsRule } from './edns-rule.ts';
import { nameRule } from './name-rule.ts';
import type { RewriteRule } from './rule.ts';

type RuleReader = (directive: Directive, words: readonly string[], continues: boolean) => RewriteRule;

const FIELDS: Readonly<Record<string, RuleReader>> = {
  name: nameRule,
  type: typeRule,
  class: classRule,
  edns0: ednsRule,
  ttl: ttlRule,
  cname: cnameRule,
  rcode: rcodeRule,
};
const CLASSES: Readonly<Record<string, number>> = { IN: 1, CH: 3, HS: 4, ANY: 255 };

/** Reads `rewrite [continue|stop] FIELD …`; what stands in a block counts as if in the same line. */
export function parseRewrite(directive: Directive): RewriteRule {
  const words = [...directive.args, ...(directive.block ?? []).flatMap(({ name, args }) => [name, ...args])];
  const mode = words[0] === 'continue' || words[0] === 'stop' ? words.shift() : 'stop';
  const field = words.shift();
  const read = field !== undefined && Object.hasOwn(FIELDS, field) ? FIELDS[field] : undefined;
  if (read === undefined)
    fail(directive, `${field ?? 'nothing'} cannot be rewritten; there are ${Object.keys(FIELDS).join(', ')}`);
  return read(directive, words, mode === 'continue');
}

function typeRule(directive: Directive, words: readonly string[], continues: boolean): RewriteRule {
  if (words.length !== 2) fail(directive, 'type takes two types, such as AAAA A');
  const [from, to] = words.map((text) => typeNumber(text) ?? fail(directive, `${text} is no record type`));
  return {
    continues,
    apply(request) {
      if (request.query.type !== from || to === undefined) return undefined;
      const changed = withQuestion(request, questionLabels(request.query), to);
      return changed === undefined ? undefined : { request: changed };
    },
  };
}

function classRule(directive: Directive, words: readonly string[], continues: boolean): RewriteRule {
  if (words.length !== 2) fail(directive, 'class takes two classes, such as CH IN');
  const [from, to] = words.map(
    (text) => CLASSES[text.toUpperCase()] ?? fail(directive, `${text} is no class`),
  );
  return {
    continues,
    apply(request) {
      const { query } = request;
      if (query.class !== from || to === undefined) return undefined;
      const message = Buffer.from(query.message);
      message.writeUInt16BE(to, query.questionEnd - 2);
      const changed = withMessage(request, message);
      return changed === undefined ? undefined : { request: changed };
    },
  };
}
