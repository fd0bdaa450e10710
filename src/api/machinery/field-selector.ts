// Field selectors: `metadata.name=web,status.phase!=Running`. Values may escape `,`, `=` and `\` with a backslash.
import { SelectorSyntaxError } from './label-selector.ts';

/** One condition; all must hold. */
export interface FieldRequirement {
  readonly field: string;
  readonly operator: '=' | '!=';
  readonly value: string;
}

/** Reads the text of a `fieldSelector` parameter. Throws SelectorSyntaxError. */
export function parseFieldSelector(text: string): FieldRequirement[] {
  return splitUnescaped(text)
    .filter((term) => term !== '')
    .map((term) => parseTerm(term, text));
}

function splitUnescaped(text: string): string[] {
  const terms: string[] = [];
  let start = 0;
  for (let at = 0; at < text.length; at += 1) {
    if (text[at] === '\\') at += 1;
    else if (text[at] === ',') {
      terms.push(text.slice(start, at));
      start = at + 1;
    }
  }
  return [...terms, text.slice(start)];
}

function parseTerm(term: string, text: string): FieldRequirement {
  const match = /^([^=!\\]*)(!=|==|=)(.*)$/s.exec(term);
  if (match === null) {
    throw new SelectorSyntaxError(`invalid selector: '${text}'; can't understand '${term}'`);
  }
  const [, field = '', operator, raw = ''] = match;
  return { field, operator: operator === '!=' ? '!=' : '=', value: unescape(raw, term) };
}

function unescape(raw: string, term: string): string {
  let value = '';
  for (let at = 0; at < raw.length; at += 1) {
    const character = raw[at];
    if (character === '\\') {
      at += 1;
      const escaped = raw[at];
      if (escaped === undefined || !'\\,='.includes(escaped)) {
        throw new SelectorSyntaxError(`invalid field selector: invalid escape sequence: ${term}`);
      }
      value += escaped;
    } else if (character === ',' || character === '=') {
      throw new SelectorSyntaxError(`invalid field selector: unescaped character in value: ${character}`);
    } else value += character;
  }
  return value;
}

/**
 * Whether an object's fields (KindStrategy.selectableFields) meet every requirement. A field that the kind does not
 * offer is a fault of the request: see `unsupportedField()`.
 */
export function matchesFields(
  requirements: readonly FieldRequirement[],
  fields: Readonly<Record<string, string>>,
): boolean {
  return requirements.every(
    ({ field, operator, value }) => (operator === '=') === ((fields[field] ?? '') === value),
  );
}

/** The first field asked for that the kind does not offer; undefined when all are known. */
export function unsupportedField(
  requirements: readonly FieldRequirement[],
  fields: Readonly<Record<string, string>>,
): string | undefined {
  return requirements.find(({ field }) => !Object.hasOwn(fields, field))?.field;
}
