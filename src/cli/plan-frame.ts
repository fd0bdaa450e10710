/** Terminals that know it show all that follows at once, and the others ignore it. */
const BEGIN_UPDATE = '\u001b[?2026h';
const END_UPDATE = '\u001b[?2026l';
const CLEAR_TO_END_OF_LINE = '\u001b[K';
const CLEAR_BELOW = '\u001b[J';

/**
 * What turns the lines drawn last into the new ones, the cursor being on the line below them: only lines that differ
 * are written, over what was there, so that nothing flickers. Empty when nothing differs.
 */
export function planFrame(last: readonly string[], next: readonly string[]): string {
  if (last.length === next.length && last.every((line, index) => line === next[index])) return '';
  const up = last.length === 0 ? '' : `\u001b[${last.length}A`;
  const lines = next.map((line, index) => (line === last[index] ? '\n' : `${line}${CLEAR_TO_END_OF_LINE}\n`));
  const below = next.length < last.length ? CLEAR_BELOW : '';
  return `${BEGIN_UPDATE}\r${up}${lines.join('')}${below}${END_UPDATE}`;
}
