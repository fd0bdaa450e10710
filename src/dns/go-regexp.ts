/** Compiles a regular expression as Go writes them: `(?i)` and the like in front, `(?P<name>…)`. Throws a `SyntaxError`. */
export function goRegExp(text: string): RegExp {
  const [, flags = '', rest = text] = /^\(\?([ims]+)\)([^]*)$/.exec(text) ?? [];
  const pattern = rest.replaceAll('(?P<', '(?<').replaceAll('\\A', '^').replaceAll('\\z', '$');
  return new RegExp(pattern, flags);
}

/** Replaces `{1}` and so on by what the groups matched, `{0}` by all of it. */
export function fillGroups(template: string, match: RegExpExecArray): string {
  return template.replaceAll(/\{(\d+)\}/g, (_, group: string) => match[Number(group)] ?? '');
}
