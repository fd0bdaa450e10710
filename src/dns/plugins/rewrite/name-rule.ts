import { choice, fail } from '#dns/corefile/arguments.ts';
import type { Directive } from '#dns/corefile/parse.ts';
import { withQuestion } from '#dns/finish-answer.ts';
import { questionLabels } from '#wire/dns-query.ts';
import { type AnswerNames, changeAnswerNames } from './answer-names.ts';
import {
  isMatchKind,
  type MatchKind,
  type NameChange,
  nameChange,
  normalName,
  remapped,
  wholeName,
} from './name-match.ts';
import { type AppliedRule, askedName, changeName, type RewriteRule } from './rule.ts';

/** `name [KIND] FROM TO [answer auto | answer name REGEX TO | answer value REGEX TO …]`. */
export function nameRule(directive: Directive, words: readonly string[], continues: boolean): RewriteRule {
  // Two words are always names: `rewrite name exact a` is about the name `exact`, as CoreDNS has it.
  const kind: MatchKind = isMatchKind(words[0]) && words.length > 2 ? words[0] : 'exact';
  const [from, to, ...options] = isMatchKind(words[0]) && words.length > 2 ? words.slice(1) : words;
  if (from === undefined || to === undefined)
    fail(
      directive,
      'name takes a kind (exact, prefix, suffix, substring, regex), then what to replace by what',
    );
  if (kind === 'exact') for (const name of [from, to]) wholeName(directive, name);
  const [pattern, replacement] = [kind === 'regex' ? from : normalName(from), normalName(to)];
  const change = nameChange(directive, kind, pattern, replacement);
  const { auto, owners, values } = answerOptions(directive, options);
  /** What turns names in the answer back; an exact name always is. */
  const back = (asked: string, rewritten: string): AnswerNames => {
    if (!auto && kind !== 'exact') return { owners, values };
    const reverse =
      kind === 'suffix' ? nameChange(directive, kind, replacement, pattern) : remapped(rewritten, asked);
    return { owners: [reverse, ...owners], values: [reverse, ...values] };
  };
  return {
    continues,
    apply(request): AppliedRule | undefined {
      const name = changeName(questionLabels(request.query), change);
      const rewritten = name === undefined ? undefined : withQuestion(request, name, request.query.type);
      if (rewritten === undefined) return undefined;
      const names = back(askedName(request), askedName(rewritten));
      const isPlain = names.owners.length + names.values.length === 0;
      return {
        request: rewritten,
        respond: isPlain ? undefined : (answer) => changeAnswerNames(answer, names),
      };
    },
  };
}

function answerOptions(
  directive: Directive,
  words: readonly string[],
): { auto: boolean; owners: NameChange[]; values: NameChange[] } {
  const found = { auto: false, owners: [] as NameChange[], values: [] as NameChange[] };
  for (let at = 0; at < words.length; ) {
    // Behind one rule the next need not say `answer` again.
    if (at > 0 && (words[at] === 'name' || words[at] === 'value')) at--;
    else if (words[at] !== 'answer')
      fail(directive, `${words[at]} is more than name takes; answer auto, name or value may follow`);
    const what = choice(directive, words[at + 1] ?? '', ['auto', 'name', 'value']);
    if (what === 'auto') {
      found.auto = true;
      at += 2;
      continue;
    }
    const [pattern, to] = words.slice(at + 2, at + 4);
    if (pattern === undefined || to === undefined)
      fail(directive, `answer ${what} takes a pattern and what takes its place`);
    found[what === 'name' ? 'owners' : 'values'].push(
      nameChange(directive, 'regex', pattern, normalName(to)),
    );
    at += 4;
  }
  if (found.auto && found.owners.length > 0)
    fail(directive, 'answer auto and answer name exclude each other');
  return found;
}
