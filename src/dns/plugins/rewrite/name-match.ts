import { fail } from '#dns/corefile/arguments.ts';
import type { Directive } from '#dns/corefile/parse.ts';
import { fillGroups, goRegExp } from '#dns/go-regexp.ts';
import { parseName } from '#wire/dns.ts';

export const MATCH_KINDS = ['exact', 'prefix', 'suffix', 'substring', 'regex'] as const;
export type MatchKind = (typeof MATCH_KINDS)[number];

/** The new name; undefined when the pattern does not match. Names are in lower case and end with a dot. */
export type NameChange = (name: string) => string | undefined;

export function isMatchKind(text: string | undefined): text is MatchKind {
  return MATCH_KINDS.some((kind) => kind === text);
}

/** Reads a pattern and what takes the place of what it matches. */
export function nameChange(directive: Directive, kind: MatchKind, from: string, to: string): NameChange {
  switch (kind) {
    case 'exact': {
      const [old, fresh] = [wholeName(directive, from), wholeName(directive, to)];
      return (name) => (name === old ? fresh : undefined);
    }
    case 'prefix':
      return (name) => (name.startsWith(from) ? to + name.slice(from.length) : undefined);
    case 'suffix':
      return (name) => (name.endsWith(from) ? name.slice(0, name.length - from.length) + to : undefined);
    case 'substring':
      return (name) => (name.includes(from) ? name.replace(from, () => to) : undefined);
    default: {
      const pattern = compile(directive, from);
      return (name) => {
        const match = pattern.exec(name);
        return match === null ? undefined : fillGroups(to, match);
      };
    }
  }
}

export function compile(directive: Directive, pattern: string): RegExp {
  try {
    return goRegExp(pattern);
  } catch (error) {
    return fail(directive, `${pattern} is no regular expression: ${(error as Error).message}`);
  }
}

export function wholeName(directive: Directive, text: string): string {
  if (parseName(text) === undefined) fail(directive, `${text} is no domain name`);
  return text.toLowerCase().endsWith('.') ? text.toLowerCase() : `${text.toLowerCase()}.`;
}

/** The opposite of a change, for `answer auto`; undefined where there is none. */
export function reverseChange(
  directive: Directive,
  kind: MatchKind,
  from: string,
  to: string,
): NameChange | undefined {
  if (kind === 'substring') return undefined;
  if (kind !== 'regex') return nameChange(directive, kind, to, from);
  const [pattern, template] = reverseRegex(from, to) ?? [];
  return pattern === undefined || template === undefined
    ? undefined
    : nameChange(directive, 'regex', pattern, template);
}

/** Turns a pattern made of plain text and groups, and its template, into the pattern and template of the way back. */
export function reverseRegex(from: string, to: string): [pattern: string, template: string] | undefined {
  const body = from.replace(/^\^/, '').replace(/\$$/, '');
  const groups: string[] = [];
  const template = body
    .replaceAll(/\(([^()]*)\)/g, (_, inner: string) => {
      groups.push(inner);
      return `{${groups.length}}`;
    })
    .replaceAll(/\\(.)/g, '$1');
  if (/[()*+?|^$[\]]/.test(template)) return undefined;
  // Groups are numbered anew, in the order in which they stand in the template.
  const order: number[] = [];
  const pattern = to.replaceAll(
    /\{(\d+)\}|([.*+?^${}()|[\]\\])/g,
    (_, group: string | undefined, special: string) => {
      if (group === undefined) return `\\${special}`;
      order.push(Number(group));
      return `(${groups[Number(group) - 1] ?? '.*'})`;
    },
  );
  const renumbered = template.replaceAll(
    /\{(\d+)\}/g,
    (_, group: string) => `{${order.indexOf(Number(group)) + 1}}`,
  );
  return renumbered.includes('{0}') ? undefined : [`^${pattern}$`, renumbered];
}
