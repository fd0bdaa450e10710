/** Expressions of `view`, in the style of expr-lang: comparisons, `and`/`or`/`not`, `in`, `matches`, calls. */
import { goRegExp } from '#dns/go-regexp.ts';
import { BUILTINS } from './builtins.ts';
import {
  ExpressionError,
  type ExpressionValue,
  isEqual,
  listOf,
  numberOf,
  shown,
  textOf,
  truth,
  UnfitValueError,
} from './expression-value.ts';

export { ExpressionError, type ExpressionValue, truth };

/** What functions give; they may look at the query that is judged. */
export type ExpressionFunctions<Query> = Readonly<
  Record<string, (query: Query, args: readonly ExpressionValue[]) => ExpressionValue>
>;

export type Expression<Query> = (query: Query) => ExpressionValue;

const TOKENS =
  /\s*('(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|`[^`]*`|0x[\da-fA-F]+|\d[\d_]*(?:\.\d+)?|[A-Za-z_]\w*|\.\.|\?\?|\*\*|&&|\|\||[=!<>]=|[-+*/%^<>!()[\],?:])/y;
const MAX_RANGE = 65_536;

/** From weak to strong. */
const LEVELS: readonly (readonly string[])[] = [
  ['||', 'or'],
  ['&&', 'and'],
  ['==', '!=', '<', '>', '<=', '>=', 'in', 'not', 'matches', 'contains', 'startsWith', 'endsWith'],
  ['..'],
  ['+', '-'],
  ['*', '/', '%'],
  ['**', '^'],
  ['??'],
];

/** Reads an expression. Throws an `ExpressionError`; so does evaluating it on values that do not fit. */
export function parseExpression<Query>(
  text: string,
  functions: ExpressionFunctions<Query>,
): Expression<Query> {
  return new Parser(tokenize(text), functions).whole();
}

function tokenize(text: string): string[] {
  const tokens: string[] = [];
  TOKENS.lastIndex = 0;
  for (let at = 0; text.slice(at).trim() !== ''; at = TOKENS.lastIndex) {
    TOKENS.lastIndex = at;
    const token = TOKENS.exec(text)?.[1];
    if (token === undefined) throw new ExpressionError(`${text.slice(at).trim()} is not understood`);
    tokens.push(token);
  }
  return tokens;
}

class Parser<Query> {
  readonly #tokens: readonly string[];
  readonly #functions: ExpressionFunctions<Query>;
  #at = 0;

  constructor(tokens: readonly string[], functions: ExpressionFunctions<Query>) {
    this.#tokens = tokens;
    this.#functions = functions;
  }

  whole(): Expression<Query> {
    const expression = this.#choice();
    if (this.#peek() !== undefined) throw new ExpressionError(`${this.#peek()} is one too many`);
    return expression;
  }

  #peek(): string | undefined {
    return this.#tokens[this.#at];
  }

  #take(token: string): boolean {
    if (this.#peek() !== token) return false;
    this.#at++;
    return true;
  }

  #expect(token: string): void {
    if (!this.#take(token))
      throw new ExpressionError(`${token} is missing before ${this.#peek() ?? 'the end'}`);
  }

  #choice(): Expression<Query> {
    const condition = this.#binary(0);
    if (!this.#take('?')) return condition;
    const yes = this.#choice();
    this.#expect(':');
    const no = this.#choice();
    return (query) => (truth(condition(query)) ? yes(query) : no(query));
  }

  #binary(level: number): Expression<Query> {
    const operators = LEVELS[level];
    if (operators === undefined) return this.#unary();
    let left = this.#binary(level + 1);
    for (let token = this.#peek(); token !== undefined && operators.includes(token); token = this.#peek()) {
      this.#at++;
      if (token === 'not') this.#expect('in');
      const operator = token === 'not' ? 'not in' : token;
      left = binary(operator, left, this.#binary(level + 1));
    }
    return left;
  }

  #unary(): Expression<Query> {
    if (this.#take('!') || this.#take('not')) {
      const operand = this.#unary();
      return (query) => !truth(operand(query));
    }
    if (this.#take('-')) {
      const operand = this.#unary();
      return (query) => -numberOf(operand(query));
    }
    return this.#primary();
  }

  #primary(): Expression<Query> {
    let value = this.#simple();
    while (this.#take('[')) value = this.#part(value);
    return value;
  }

  /** `[I]`, or `[FROM:TO]` of which both may be missing. */
  #part(whole: Expression<Query>): Expression<Query> {
    const from = this.#peek() === ':' ? undefined : this.#choice();
    if (from !== undefined && this.#take(']')) return (query) => itemOf(whole(query), numberOf(from(query)));
    this.#expect(':');
    const to = this.#peek() === ']' ? undefined : this.#choice();
    this.#expect(']');
    return (query) => {
      const value = whole(query);
      const items = typeof value === 'string' ? value : listOf(value);
      const bound = (side: Expression<Query> | undefined): number | undefined =>
        side === undefined ? undefined : numberOf(side(query));
      return items.slice(bound(from), bound(to));
    };
  }

  #simple(): Expression<Query> {
    const token = this.#peek();
    if (token === undefined) throw new ExpressionError('the expression ends too early');
    this.#at++;
    if (token === '(') {
      const inner = this.#choice();
      this.#expect(')');
      return inner;
    }
    if (token === '[') {
      const items = this.#list(']');
      return (query) => items.map((item) => item(query));
    }
    if (/^['"]/.test(token)) {
      const text = token.slice(1, -1).replaceAll(/\\(.)/g, '$1');
      return () => text;
    }
    if (token.startsWith('`')) return () => token.slice(1, -1);
    if (/^\d/.test(token)) return () => Number(token.replaceAll('_', ''));
    if (token === 'true' || token === 'false') return () => token === 'true';
    if (token === 'nil') return () => null;
    return this.#call(token);
  }

  #call(name: string): Expression<Query> {
    const known = [...Object.keys(this.#functions), ...Object.keys(BUILTINS)];
    if (!known.includes(name))
      throw new ExpressionError(`there is no function ${name}; there are ${known.toSorted().join(', ')}`);
    const builtin = Object.hasOwn(BUILTINS, name) ? BUILTINS[name] : undefined;
    const call =
      builtin === undefined
        ? this.#functions[name]
        : (_: Query, args: readonly ExpressionValue[]) => builtin(args);
    if (call === undefined) throw new ExpressionError(`there is no function ${name}`);
    this.#expect('(');
    const args = this.#list(')');
    return (query) =>
      call(
        query,
        args.map((arg) => arg(query)),
      );
  }

  #list(end: string): Expression<Query>[] {
    const items: Expression<Query>[] = [];
    while (!this.#take(end)) {
      if (items.length > 0) this.#expect(',');
      items.push(this.#choice());
    }
    return items;
  }
}

type Operator = (a: ExpressionValue, b: ExpressionValue) => ExpressionValue;

const OPERATORS: Readonly<Record<string, Operator>> = {
  '==': isEqual,
  '!=': (a, b) => !isEqual(a, b),
  '<': (a, b) => compare(a, b) < 0,
  '>': (a, b) => compare(a, b) > 0,
  '<=': (a, b) => compare(a, b) <= 0,
  '>=': (a, b) => compare(a, b) >= 0,
  in: isIn,
  'not in': (a, b) => !isIn(a, b),
  contains: (a, b) => textOf(a).includes(textOf(b)),
  startsWith: (a, b) => textOf(a).startsWith(textOf(b)),
  endsWith: (a, b) => textOf(a).endsWith(textOf(b)),
  matches: (a, b) => regExp(textOf(b)).test(textOf(a)),
  '+': (a, b) => (typeof a === 'string' ? a + textOf(b) : numberOf(a) + numberOf(b)),
  '-': (a, b) => numberOf(a) - numberOf(b),
  '*': (a, b) => numberOf(a) * numberOf(b),
  '/': (a, b) => numberOf(a) / numberOf(b),
  '%': (a, b) => numberOf(a) % numberOf(b),
  '**': (a, b) => numberOf(a) ** numberOf(b),
  '^': (a, b) => numberOf(a) ** numberOf(b),
  '..': (a, b) => range(numberOf(a), numberOf(b)),
};

function binary<Query>(
  operator: string,
  left: Expression<Query>,
  right: Expression<Query>,
): Expression<Query> {
  if (operator === '&&' || operator === 'and') return (query) => truth(left(query)) && truth(right(query));
  if (operator === '||' || operator === 'or') return (query) => truth(left(query)) || truth(right(query));
  if (operator === '??') return (query) => left(query) ?? right(query);
  const apply = OPERATORS[operator];
  if (apply === undefined) throw new ExpressionError(`there is no operator ${operator}`);
  return (query) => apply(left(query), right(query));
}

function isIn(a: ExpressionValue, b: ExpressionValue): boolean {
  return listOf(b).some((item) => isEqual(a, item));
}

/** Both ends included. */
function range(from: number, to: number): number[] {
  if (!(to - from < MAX_RANGE)) throw new ExpressionError(`${from}..${to} is too long`);
  return Array.from({ length: Math.max(0, to - from + 1) }, (_, i) => from + i);
}

/** Below 0: from the end. */
function itemOf(value: ExpressionValue, index: number): ExpressionValue {
  const item = (typeof value === 'string' ? Array.from(value) : listOf(value)).at(index);
  if (item === undefined) throw new UnfitValueError(`${shown(value)} has no item ${index}`);
  return item;
}

function compare(a: ExpressionValue, b: ExpressionValue): number {
  if (typeof a === 'string' && typeof b === 'string') return a < b ? -1 : a > b ? 1 : 0;
  return numberOf(a) - numberOf(b);
}

function regExp(text: string): RegExp {
  try {
    return goRegExp(text);
  } catch (error) {
    throw new ExpressionError((error as Error).message);
  }
}
