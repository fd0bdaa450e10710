import { fail } from '#dns/corefile/arguments.ts';
import type { Directive } from '#dns/corefile/parse.ts';
import { fillGroups, goRegExp } from '#dns/go-regexp.ts';
import { parseName } from '#wire/dns.ts';

const MATCH_KINDS = ['exact', 'prefix', 'suffix', 'substring', 'regex'] as const;
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
      return (name) => (name.includes(from) ? name.replaceAll(from, () => to) : undefined);
    default:
      return regexChange(directive, from, to);
  }
}

function regexChange(directive: Directive, from: string, to: string): NameChange {
  const pattern = compile(directive, from);
  const groups = new RegExp(`${pattern.source}|`, pattern.flags).exec('')?.length ?? 1;
  const used = new Set([...to.matchAll(/\{(\d+)\}/g)].map(([, group]) => group)).size;
  if (used >= groups && used > 0)
    fail(directive, `${to} uses ${used} groups, but there are only ${groups - 1} in ${from}`);
  return (name) => {
    const match = pattern.exec(name);
    return match === null ? undefined : fillGroups(to, match);
  };
}

export function compile(directive: Directive, pattern: string): RegExp {
  try {
    return goRegExp(pattern);
  } catch (error) {
    return fail(directive, `${pattern} is no regular expression: ${(error as Error).message}`);
  }
}

/** In lower case and with a last dot, as patterns of names are compared. */
export function normalName(text: string): string {
  const lower = text.toLowerCase();
  return lower.endsWith('.') ? lower : `${lower}.`;
}

export function wholeName(directive: Directive, text: string): string {
  if (parseName(text) === undefined) fail(directive, `${text} is no domain name`);
  return normalName(text);
}

/** Turns one name, and names below it, into another. */
export function remapped(from: string, to: string): NameChange {
  return (name) => {
    if (name === from) return to;
    return name.endsWith(`.${from}`) ? name.slice(0, name.length - from.length) + to : undefined;
  };
}
