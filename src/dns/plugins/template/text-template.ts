/** Text with `{{ … }}` in the style of Go's text/template, as far as Corefiles use it. */
export type TextTemplate = (data: TemplateData) => string;

/** What `{{ .Name }}` and the like stand for. A look-up gives undefined for what is not there. */
export interface TemplateData {
  readonly fields: Readonly<Record<string, string>>;
  readonly match: readonly string[];
  readonly groups: Readonly<Record<string, string>>;
  meta(name: string): string | undefined;
}

/** Text that is no template. */
export class TemplateError extends Error {
  override readonly name = 'TemplateError';
}

/** Fields of `TemplateData.fields`. */
export const TEMPLATE_FIELDS = ['Name', 'Zone', 'Class', 'Type', 'Remote', 'Question.Name'] as const;

type Value = string | number | boolean | readonly string[] | Readonly<Record<string, string>>;
type Expression = (data: TemplateData) => Value;
type Piece =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'action'; readonly code: string };

/** Reads a template. Throws a `TemplateError` for what it does not understand. */
export function parseTemplate(text: string): TextTemplate {
  const pieces = split(text);
  const [parts, end] = parseParts(pieces, 0);
  if (end < pieces.length) throw new TemplateError('{{ end }} or {{ else }} without an {{ if }} before it');
  return (data) => parts.map((part) => part(data)).join('');
}

function split(text: string): Piece[] {
  const pieces: Piece[] = [];
  let at = 0;
  while (at < text.length) {
    const open = text.indexOf('{{', at);
    if (open < 0) {
      pieces.push({ kind: 'text', text: text.slice(at) });
      break;
    }
    const close = text.indexOf('}}', open);
    if (close < 0) throw new TemplateError(`${text.slice(open)} has no closing }}`);
    let before = text.slice(at, open);
    let code = text.slice(open + 2, close);
    at = close + 2;
    if (code.startsWith('- ')) {
      before = before.trimEnd();
      code = code.slice(2);
    }
    if (code.endsWith(' -')) {
      code = code.slice(0, -2);
      while (/\s/.test(text[at] ?? '')) at++;
    }
    if (before !== '') pieces.push({ kind: 'text', text: before });
    if (!code.trim().startsWith('/*')) pieces.push({ kind: 'action', code: code.trim() });
  }
  return pieces;
}

type Part = (data: TemplateData) => string;

/** Parts up to an `else` or `end` that belongs to somebody further out; its index is the second result. */
function parseParts(pieces: readonly Piece[], from: number): [Part[], number] {
  const parts: Part[] = [];
  for (let at = from; at < pieces.length; at++) {
    const piece = pieces[at];
    if (piece === undefined) break;
    if (piece.kind === 'text') {
      parts.push(() => piece.text);
    } else if (piece.code === 'end' || piece.code === 'else') {
      return [parts, at];
    } else if (piece.code.startsWith('if ')) {
      const [part, end] = parseIf(pieces, at, piece.code.slice(3));
      parts.push(part);
      at = end;
    } else {
      const expression = parseExpression(piece.code);
      parts.push((data) => toText(expression(data)));
    }
  }
  return [parts, pieces.length];
}

function parseIf(pieces: readonly Piece[], at: number, code: string): [Part, number] {
  const condition = parseExpression(code);
  const [yes, middle] = parseParts(pieces, at + 1);
  const hasElse = isAction(pieces[middle], 'else');
  const [no, end] = hasElse ? parseParts(pieces, middle + 1) : [[], middle];
  if (!isAction(pieces[end], 'end')) throw new TemplateError('{{ if }} has no {{ end }}');
  const part: Part = (data) => (isTrue(condition(data)) ? yes : no).map((inner) => inner(data)).join('');
  return [part, end];
}

function isAction(piece: Piece | undefined, code: string): boolean {
  return piece?.kind === 'action' && piece.code === code;
}

/** `OPERAND…` or a function with operands; each `|` hands its left on as the last operand of its right. */
export function parseExpression(code: string): Expression {
  const tokens = [...code.matchAll(/"(?:\\.|[^"\\])*"|`[^`]*`|\||[()]|[^\s|()"`]+/g)].map(([token]) => token);
  const [expression, end] = parsePipeline(tokens, 0);
  if (end < tokens.length) throw new TemplateError(`${code}: ${tokens[end]} is one too many`);
  return expression;
}

function parsePipeline(tokens: readonly string[], from: number): [Expression, number] {
  let [expression, at] = parseCall(tokens, from, undefined);
  while (tokens[at] === '|') [expression, at] = parseCall(tokens, at + 1, expression);
  return [expression, at];
}

function parseCall(
  tokens: readonly string[],
  from: number,
  last: Expression | undefined,
): [Expression, number] {
  const operands: Expression[] = [];
  const [first = ''] = tokens.slice(from);
  const isCall = Object.hasOwn(FUNCTIONS, first) || first === '.Meta';
  let at = isCall ? from + 1 : from;
  while (at < tokens.length && tokens[at] !== '|' && tokens[at] !== ')') {
    if (tokens[at] === '(') {
      const [inner, end] = parsePipeline(tokens, at + 1);
      if (tokens[end] !== ')') throw new TemplateError('( has no )');
      operands.push(inner);
      at = end + 1;
    } else operands.push(parseOperand(tokens[at++] ?? ''));
  }
  if (last !== undefined) operands.push(last);
  if (isCall) return [callOf(first, operands), at];
  const [only, second] = operands;
  if (only === undefined || second !== undefined)
    throw new TemplateError(`there is no function ${first || '(nothing)'}`);
  return [only, at];
}

function parseOperand(token: string): Expression {
  if (/^["`]/.test(token)) {
    const text = token.startsWith('"') ? token.slice(1, -1).replaceAll(/\\(.)/g, '$1') : token.slice(1, -1);
    return () => text;
  }
  if (/^-?\d+$/.test(token)) return () => Number(token);
  if (token === 'true' || token === 'false') return () => token === 'true';
  const path = token.startsWith('.') ? token.slice(1) : undefined;
  if (path === 'Match') return ({ match }) => match;
  if (path === 'Group') return ({ groups }) => groups;
  const group = path?.startsWith('Group.') === true ? path.slice('Group.'.length) : undefined;
  if (group !== undefined) return ({ groups }) => groups[group] ?? '';
  if (path !== undefined && TEMPLATE_FIELDS.some((field) => field === path))
    return ({ fields }) => fields[path] ?? '';
  throw new TemplateError(
    `there is no ${token}; there are ${[...TEMPLATE_FIELDS, 'Match', 'Group', 'Meta'].map((field) => `.${field}`).join(', ')}`,
  );
}

type Fn = (values: readonly Value[]) => Value;

const FUNCTIONS: Readonly<Record<string, Fn>> = {
  index: ([of, at]) => indexOf(of ?? '', at ?? ''),
  len: ([of]) => (typeof of === 'string' || Array.isArray(of) ? of.length : 0),
  printf: ([format = '', ...values]) => printf(toText(format), values),
  print: (values) => values.map(toText).join(''),
  parseInt: ([text = '', base = 10]) => parseNumber(toText(text), Number(base)),
  eq: ([first, ...others]) => others.some((other) => toText(other) === toText(first ?? '')),
  ne: ([a = '', b = '']) => toText(a) !== toText(b),
  and: (values) => values.find((value) => !isTrue(value)) ?? values.at(-1) ?? '',
  or: (values) => values.find(isTrue) ?? values.at(-1) ?? '',
  not: ([value = '']) => !isTrue(value),
};

function callOf(name: string, operands: readonly Expression[]): Expression {
  if (operands.length === 0) throw new TemplateError(`${name} of what?`);
  if (name === '.Meta') return (data) => data.meta(toText(operands[0]?.(data) ?? '')) ?? '';
  const call = FUNCTIONS[name];
  return (data) => call?.(operands.map((operand) => operand(data))) ?? '';
}

/** A bad index fails the query, as in Go; it does not pass for an empty text. */
function indexOf(of: Value, at: Value): Value {
  if (Array.isArray(of)) {
    const value: unknown = of[Number(at)];
    if (typeof value !== 'string') throw new TemplateError(`index ${toText(at)} is out of range`);
    return value;
  }
  return typeof of === 'object' ? ((of as Readonly<Record<string, string>>)[toText(at)] ?? '') : '';
}

function parseNumber(text: string, base: number): number {
  const value = Number.parseInt(text, base);
  if (Number.isNaN(value)) throw new TemplateError(`${text} is no number`);
  return value;
}

function printf(format: string, values: readonly Value[]): string {
  let at = 0;
  return format.replaceAll(/%(0?)(\d*)([sdvxXq%])/g, (_, zero: string, width: string, verb: string) => {
    if (verb === '%') return '%';
    const value = values[at++] ?? '';
    const hex = verb.toLowerCase() === 'x' ? Number(value).toString(16) : undefined;
    const text = verb === 'q' ? JSON.stringify(toText(value)) : (hex ?? toText(value));
    return (verb === 'X' ? text.toUpperCase() : text).padStart(Number(width), zero === '0' ? '0' : ' ');
  });
}

function toText(value: Value): string {
  return typeof value === 'object' ? Object.values(value).join(' ') : String(value);
}

function isTrue(value: Value): boolean {
  return typeof value === 'object' ? Object.keys(value).length > 0 : Boolean(value);
}
