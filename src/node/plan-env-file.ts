/** Variables from a file of a volume (`fileKeyRef`): lines of NAME='value' and nothing a shell would expand. Pure. */

/** The file is not of this form; the message has the line. */
export class EnvFileError extends Error {
  override readonly name = 'EnvFileError';
}

/**
 * The value of the key, '' when there is none. A value is in single quotes and may go over lines; comments begin with #.
 * Lines behind the one that has the key do not matter. Throws EnvFileError (kubelet's rules and sentences).
 */
export function planEnvFileValue(text: string, key: string): string {
  const lines = text.split(/\r?\n/);
  // The end of the last line begins no other.
  if (lines.at(-1) === '') lines.pop();
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at]?.replace(/^[ \t]+/, '') ?? '';
    if (line === '' || line.startsWith('#')) continue;
    const { name, rest } = splitLine(line, at + 1);
    // As in a shell: NAME= 'x' sets NAME to nothing.
    if (/^[ \t]/.test(rest)) {
      if (name === key) return '';
      continue;
    }
    if (!rest.startsWith("'")) throw malformed(`at line ${at + 1}: value must be enclosed in single quotes`);
    const quoted = readQuoted(lines, at, rest.slice(1));
    if (name === key) return quoted.value;
    at = quoted.end;
  }
  return '';
}

function splitLine(line: string, lineNumber: number): { name: string; rest: string } {
  const equals = line.indexOf('=');
  if (equals < 0) throw malformed(`at line ${lineNumber}: missing '='`);
  const name = line.slice(0, equals);
  if (name.trim() === '') throw malformed(`at line ${lineNumber}: empty variable name`);
  if (/[ \t]$/.test(name)) throw malformed(`at line ${lineNumber}: whitespace before '=' is not allowed`);
  return { name, rest: line.slice(equals + 1) };
}

/** From behind the opening quote to the closing one; `end` is the index of its line. */
function readQuoted(lines: readonly string[], start: number, first: string): { value: string; end: number } {
  let value = '';
  let rest = first;
  for (let end = start; ; end++) {
    const closing = rest.indexOf("'");
    if (closing >= 0) {
      if (!/^[ \t]*(#|$)/.test(rest.slice(closing + 1)))
        throw malformed(`at line ${end + 1}: unexpected content after closing quote`);
      return { value: value + rest.slice(0, closing), end };
    }
    value += `${rest}\n`;
    const next = lines[end + 1];
    if (next === undefined) throw malformed(`starting at line ${start + 1}: unclosed single quote`);
    rest = next;
  }
}

const malformed = (why: string): EnvFileError =>
  new EnvFileError(`invalid environment variable format ${why}`);
