import { fail, integer } from '#dns/corefile/arguments.ts';
import type { Directive } from '#dns/corefile/parse.ts';
import type { DnsAnswer } from '#dns/handler.ts';
import { type DnsRecord, formatName, parseName, RecordType, rcodeNumber } from '#wire/dns.ts';
import { isMatchKind, type MatchKind, type NameChange, nameChange, normalName } from './name-match.ts';
import { type AnswerChange, askedName, type RewriteRule } from './rule.ts';

const MAX_TTL = 0x7fffffff;
const MAX_RCODE = 23;

/** `ttl [KIND] NAME TTL`, with a TTL such as 30, 10-60, 10- or -60. */
export function ttlRule(directive: Directive, words: readonly string[], continues: boolean): RewriteRule {
  const { matches, rest } = namePattern(
    directive,
    words,
    1,
    'ttl takes a name and seconds, such as 30 or 10-60',
  );
  const [, low, dash, high] = /^(\d*)(-?)(\d*)$/.exec(rest[0] ?? '') ?? [];
  if (low === undefined || high === undefined || low + high === '')
    fail(directive, `${rest[0]} is no TTL such as 30, 10-60, 10- or -60`);
  const min = low === '' ? 0 : integer(directive, low, 0, MAX_TTL);
  const max = dash === '' ? min : high === '' ? MAX_TTL : integer(directive, high, min, MAX_TTL);
  const clamp = (record: DnsRecord): DnsRecord => ({
    ...record,
    ttl: Math.min(max, Math.max(min, record.ttl)),
  });
  return onAnswer(continues, matches, (answer) => ({
    ...answer,
    answers: answer.answers.map(clamp),
    authorities: answer.authorities.map(clamp),
    additionals: answer.additionals.map(clamp),
  }));
}

/** `rcode [KIND] NAME OLD NEW`. */
export function rcodeRule(directive: Directive, words: readonly string[], continues: boolean): RewriteRule {
  const { matches, rest } = namePattern(directive, words, 2, 'rcode takes a name and two response codes');
  const [old, fresh] = rest.map((text) => responseCode(directive, text));
  return onAnswer(continues, matches, (answer) =>
    answer.rcode === old && fresh !== undefined ? { ...answer, rcode: fresh } : answer,
  );
}

/** By name or number. */
function responseCode(directive: Directive, text: string): number {
  if (/^\d+$/.test(text)) return integer(directive, text, 0, MAX_RCODE);
  return rcodeNumber(text) ?? fail(directive, `${text} is no response code`);
}

/** `cname [KIND] FROM TO`: CNAME records lead elsewhere. */
export function cnameRule(directive: Directive, words: readonly string[], continues: boolean): RewriteRule {
  const kind: MatchKind = isMatchKind(words[0]) ? words[0] : 'exact';
  const [from, to, ...more] = isMatchKind(words[0]) ? words.slice(1) : words;
  if (from === undefined || to === undefined || more.length > 0)
    fail(directive, 'cname takes a kind (exact, prefix, suffix, substring, regex) and two names');
  const change = nameChange(directive, kind, kind === 'regex' ? from : from.toLowerCase(), to.toLowerCase());
  return {
    continues,
    apply: (request) => ({ request, respond: redirectCname(change, request.query.type) }),
  };
}

function redirectCname(change: NameChange, type: number): AnswerChange {
  return async (answer, lookUp): Promise<DnsAnswer> => {
    for (const [at, record] of answer.answers.entries()) {
      if (record.type !== RecordType.CNAME || record.data.kind !== 'name') continue;
      const target = change(formatName(record.data.target).toLowerCase());
      const name = target === undefined ? undefined : parseName(target);
      if (name === undefined) continue;
      const redirected: DnsRecord = { ...record, data: { kind: 'name', target: name } };
      const kept = [...answer.answers.slice(0, at), redirected];
      if (type === RecordType.CNAME) return { ...answer, answers: kept };
      const found = await lookUp(name, type);
      return { ...answer, answers: [...kept, ...found.answers] };
    }
    return answer;
  };
}

function onAnswer(
  continues: boolean,
  matches: (name: string) => boolean,
  respond: AnswerChange,
): RewriteRule {
  return { continues, apply: (request) => (matches(askedName(request)) ? { request, respond } : undefined) };
}

/** `[KIND] NAME` and then `count` words. */
function namePattern(
  directive: Directive,
  words: readonly string[],
  count: number,
  usage: string,
): { matches: (name: string) => boolean; rest: readonly string[] } {
  const kind: MatchKind = isMatchKind(words[0]) ? words[0] : 'exact';
  const [name, ...rest] = isMatchKind(words[0]) ? words.slice(1) : words;
  if (name === undefined || rest.length !== count) fail(directive, usage);
  const change = nameChange(
    directive,
    kind,
    kind === 'regex' ? name : normalName(name),
    kind === 'exact' ? '.' : '',
  );
  return { matches: (asked) => change(asked) !== undefined, rest };
}
