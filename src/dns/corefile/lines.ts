import { CorefileError, type Position } from './error.ts';

/** A word of a Corefile. `{` and `}` that open and close blocks are the lines' ends, never words. */
export interface Word {
  readonly text: string;
  readonly where: Position;
}

/** The words of one line, and whether it opens a block; a line that closes one has no words. */
export interface Line {
  readonly words: readonly Word[];
  readonly end: 'plain' | 'opens' | 'closes';
  readonly where: Position;
}

/**
 * Splits a Corefile into lines of words. Words in double quotes may hold spaces, line breaks and `\"`;
 * `#` begins a comment, also within a word. `{$NAME}` and `{%NAME%}` are replaced by environment variables;
 * one that is not set is empty, and `warn` hears of it.
 */
export function readLines(
  text: string,
  file: string,
  env: NodeJS.ProcessEnv,
  warn: (message: string) => void = () => {},
): Line[] {
  const lines: Line[] = [];
  let words: Word[] = [];
  let number = 1;
  let first = number;
  const end = (kind: Line['end']): void => {
    if (words.length > 0 || kind !== 'plain') {
      lines.push({ words, end: kind, where: words[0]?.where ?? { file, line: number } });
    }
    words = [];
  };
  const expanded = (word: string, line: number): Word => ({
    text: expand(word, env, (name) =>
      warn(`${file}:${line}: there is no environment variable ${name}: it is taken to be empty`),
    ),
    where: { file, line },
  });
  for (const [piece] of text.matchAll(/\n|#[^\n]*|"(?:\\[^]|[^"\\])*"?|[^\s"#][^\s#]*|[^\S\n]+/g)) {
    if (piece === '\n') {
      end('plain');
      number++;
    } else if (piece === '{') {
      end('opens');
    } else if (piece === '}') {
      end('plain');
      end('closes');
    } else if (piece.startsWith('"')) {
      first = number;
      number += piece.split('\n').length - 1;
      if (piece.length < 2 || !piece.endsWith('"'))
        throw new CorefileError({ file, line: first }, 'the quoted text that begins here has no closing "');
      const inner = piece.slice(1, -1).replaceAll('\\"', '"');
      words.push(expanded(inner, first));
    } else if (!piece.startsWith('#') && piece.trim() !== '') {
      words.push(expanded(piece, number));
    }
  }
  end('plain');
  return lines;
}

function expand(text: string, env: NodeJS.ProcessEnv, missing: (name: string) => void): string {
  return text.replaceAll(/\{\$(\w+)\}|\{%(\w+)%\}/g, (_, unix?: string, windows?: string) => {
    const name = unix ?? windows ?? '';
    const value = env[name];
    if (value === undefined) missing(name);
    return value ?? '';
  });
}
