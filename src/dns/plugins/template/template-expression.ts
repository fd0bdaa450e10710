import { FUNCTIONS, isMap, TemplateError, toText, type Value, type ValueMap } from './template-values.ts';

/** What a template is filled from. */
export interface TemplateData {
  /** What `.` is at the beginning. */
  readonly root: ValueMap;
  /** Of `.Meta "NAME"`. */
  meta(name: string): string | undefined;
}

/** Where a template is while it is being filled. */
export interface Scope {
  readonly data: TemplateData;
  readonly dot: Value;
  readonly variables: Variables;
}

/** Variables of a block; those of the blocks around it can be read and set. */
export class Variables {
  readonly #values = new Map<string, Value>();
  readonly #outer: Variables | undefined;

  constructor(outer?: Variables) {
    this.#outer = outer;
  }

  declare(name: string, value: Value): void {
    this.#values.set(name, value);
  }

  assign(name: string, value: Value): void {
    if (this.#values.has(name) || this.#outer === undefined) this.#values.set(name, value);
    else this.#outer.assign(name, value);
  }

  get(name: string): Value {
    return this.#values.has(name) ? this.#values.get(name) : this.#outer?.get(name);
  }
}

export type Expression = (scope: Scope) => Value;

/** What is known of names while a template is read. */
export interface Names {
  /** Variables with their `$`. */
  readonly variables: ReadonlySet<string>;
  /** Fields of `.`; undefined where it is something else than at the beginning. */
  readonly fields: readonly string[] | undefined;
  /** Fields of `$`. */
  readonly rootFields: readonly string[];
}

export function tokensOf(code: string): string[] {
  return [...code.matchAll(/"(?:\\.|[^"\\])*"|`[^`]*`|:=|[|(),=]|[^\s|()"`,=:]+/g)].map(([token]) => token);
}

/** `OPERAND…` or a function with operands; each `|` hands its left on as the last operand of its right. */
export function parseExpression(tokens: readonly string[], names: Names): Expression {
  const [expression, end] = parsePipeline(tokens, 0, names);
  if (end < tokens.length) throw new TemplateError(`${tokens.join(' ')}: ${tokens[end]} is one too many`);
  return expression;
}

function parsePipeline(tokens: readonly string[], from: number, names: Names): [Expression, number] {
  let [expression, at] = parseCall(tokens, from, names, undefined);
  while (tokens[at] === '|') [expression, at] = parseCall(tokens, at + 1, names, expression);
  return [expression, at];
}

function parseCall(
  tokens: readonly string[],
  from: number,
  names: Names,
  last: Expression | undefined,
): [Expression, number] {
  const operands: Expression[] = [];
  const [first = ''] = tokens.slice(from);
  const isCall = Object.hasOwn(FUNCTIONS, first) || isMeta(first);
  let at = isCall ? from + 1 : from;
  while (at < tokens.length && tokens[at] !== '|' && tokens[at] !== ')') {
    if (tokens[at] === '(') {
      const [inner, end] = parsePipeline(tokens, at + 1, names);
      if (tokens[end] !== ')') throw new TemplateError('( has no )');
      operands.push(inner);
      at = end + 1;
    } else operands.push(parseOperand(tokens[at++] ?? '', names));
  }
  if (last !== undefined) operands.push(last);
  if (isCall) return [callOf(first, operands), at];
  const [only, second] = operands;
  if (only === undefined || second !== undefined)
    throw new TemplateError(`there is no function ${first || '(nothing)'}`);
  return [only, at];
}

function isMeta(token: string): boolean {
  return token === '.Meta' || token === '$.Meta';
}

function callOf(name: string, operands: readonly Expression[]): Expression {
  if (operands.length === 0) throw new TemplateError(`${name} of what?`);
  if (isMeta(name)) return (scope) => scope.data.meta(toText(operands[0]?.(scope))) ?? '';
  const call = FUNCTIONS[name];
  return (scope) => call?.(operands.map((operand) => operand(scope)));
}

function parseOperand(token: string, names: Names): Expression {
  if (/^["`]/.test(token)) {
    const text = token.startsWith('"') ? unquoted(token) : token.slice(1, -1);
    return () => text;
  }
  if (/^-?(0x[0-9a-f]+|\d+)$/i.test(token)) return () => Number(token);
  if (token === 'true' || token === 'false') return () => token === 'true';
  const [head = '', ...path] = token.split('.');
  if (head.startsWith('$')) return variable(head, path, names);
  if (head !== '') throw new TemplateError(`there is no function ${token}`);
  if (token === '.') return ({ dot }) => dot;
  if (names.fields !== undefined) known(path, names.fields);
  return ({ dot }) => fieldOf(dot, path);
}

function variable(name: string, path: readonly string[], names: Names): Expression {
  if (name === '$') {
    if (path.length > 0) known(path, names.rootFields);
    return ({ data }) => fieldOf(data.root, path);
  }
  if (!names.variables.has(name)) throw new TemplateError(`there is no variable ${name} yet`);
  return ({ variables }) => fieldOf(variables.get(name), path);
}

function known([field = '']: readonly string[], fields: readonly string[]): void {
  if (!fields.includes(field))
    throw new TemplateError(
      `there is no .${field}; there are ${[...fields, 'Meta'].map((each) => `.${each}`).join(', ')}`,
    );
}

function fieldOf(value: Value, path: readonly string[]): Value {
  return path.reduce<Value>((current, field) => {
    if (!isMap(current)) throw new TemplateError(`there is no .${field} in it`);
    return Object.hasOwn(current, field) ? current[field] : undefined;
  }, value);
}

function unquoted(token: string): string {
  try {
    return JSON.parse(token) as string;
  } catch {
    return token.slice(1, -1).replaceAll(/\\(.)/g, '$1');
  }
}
