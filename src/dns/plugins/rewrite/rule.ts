import type { DnsAnswer, DnsRequest } from '#dns/handler.ts';
import { type DnsName, formatName, parseName } from '#wire/dns.ts';
import { questionLabels } from '#wire/dns-query.ts';

/** Changes queries and the answers to them. */
export interface RewriteRule {
  /** Whether rules behind it see what it changed. */
  readonly continues: boolean;
  /** Undefined when it does not apply to the query. */
  apply(request: DnsRequest): AppliedRule | undefined;
}

export interface AppliedRule {
  readonly request: DnsRequest;
  /** What to do with the answer. */
  readonly respond?: AnswerChange | undefined;
  /** The OPT record was changed: the response has it, too. */
  readonly changesEdns?: boolean | undefined;
}

/** `lookUp` asks the server itself. */
export type AnswerChange = (
  answer: DnsAnswer,
  lookUp: (name: DnsName, type: number) => Promise<DnsAnswer>,
) => DnsAnswer | Promise<DnsAnswer>;

/** The name that a query asks for, as rules compare it: in lower case, with its last dot. */
export function askedName({ query }: DnsRequest): string {
  return formatName(questionLabels(query)).toLowerCase();
}

/** Changes a name by its text; undefined when what comes out is no name. */
export function changeName(name: DnsName, change: (text: string) => string | undefined): DnsName | undefined {
  const changed = change(formatName(name).toLowerCase());
  return changed === undefined ? undefined : parseName(changed);
}
