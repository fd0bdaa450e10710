import {
  type Expression,
  type Names,
  parseExpression,
  type Scope,
  type TemplateData,
  tokensOf,
  Variables,
} from './template-expression.ts';
import { entriesOf, isTrue, TemplateError, toText, type Value } from './template-values.ts';

export type { TemplateData } from './template-expression.ts';
export { TemplateError } from './template-values.ts';

/** Text with `{{ … }}` in the style of Go's text/template, as far as Corefiles use it. */
export type TextTemplate = (data: TemplateData) => string;

/** Fields of `TemplateData.root`. */
const TEMPLATE_FIELDS = [
  'Name',
  'Zone',
  'Class',
  'Type',
  'Remote',
  'Match',
  'Group',
  'Question',
  'Message',
] as const;

type Piece =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'action'; readonly code: string };
type Part = (scope: Scope) => string;

const MAX_DEPTH = 32;

/** Reads a template. Throws a `TemplateError` for what it does not understand; filling it does so, too. */
export function parseTemplate(text: string): TextTemplate {
  const reader = new TemplateReader(split(text));
  const fields = TEMPLATE_FIELDS;
  const body = reader.read({ variables: new Set(), fields, rootFields: fields }, 0);
  if (reader.stop !== undefined) throw new TemplateError(`{{ ${reader.stop} }} without anything to end`);
  return (data) => body({ data, dot: data.root, variables: new Variables() });
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

/** Reads pieces from left to right; blocks read their own bodies. */
class TemplateReader {
  /** The `end` or `else …` that the last body ended with. */
  stop: string | undefined;
  readonly #pieces: readonly Piece[];
  #at = 0;

  constructor(pieces: readonly Piece[]) {
    this.#pieces = pieces;
  }

  /** Parts up to an `else` or `end`. Variables declared in it are not known behind it. */
  read(names: Names, depth: number): Part {
    if (depth > MAX_DEPTH) throw new TemplateError(`more than ${MAX_DEPTH} blocks inside each other`);
    const parts: Part[] = [];
    const inner = { ...names, variables: new Set(names.variables) };
    let stop: string | undefined;
    while (this.#at < this.#pieces.length) {
      const piece = this.#pieces[this.#at++];
      if (piece === undefined) break;
      if (piece.kind === 'text') parts.push(() => piece.text);
      else if (/^(end|else)\b/.test(piece.code)) {
        stop = piece.code;
        break;
      } else parts.push(this.#action(piece.code, inner, depth));
    }
    this.stop = stop;
    return (scope) => {
      const own = { ...scope, variables: new Variables(scope.variables) };
      return parts.map((part) => part(own)).join('');
    };
  }

  #action(code: string, names: Names & { variables: Set<string> }, depth: number): Part {
    const [word = '', ...rest] = tokensOf(code);
    switch (word) {
      case 'if':
      case 'with':
        return this.#if(rest, names, depth, word === 'with');
      case 'range':
        return this.#range(rest, names, depth);
      case 'define':
      case 'template':
      case 'block':
      case 'break':
      case 'continue':
        throw new TemplateError(`{{ ${word} }} is not implemented; there are if, with and range`);
      default:
        return assignment([word, ...rest], names) ?? printed(parseExpression([word, ...rest], names));
    }
  }

  #if(code: readonly string[], names: Names, depth: number, moves: boolean): Part {
    const condition = parseExpression(code, names);
    const yes = this.read(moves ? { ...names, fields: undefined } : names, depth + 1);
    const no = this.#else(names, depth);
    return (scope) => {
      const value = condition(scope);
      return isTrue(value) ? yes(moves ? { ...scope, dot: value } : scope) : no(scope);
    };
  }

  #range(code: readonly string[], names: Names, depth: number): Part {
    const at = code.indexOf(':=');
    const declared = code.slice(0, Math.max(at, 0)).filter((token) => token !== ',');
    if (declared.length > 2 || declared.some((name) => !/^\$\w+$/.test(name)))
      throw new TemplateError(`range ${code.join(' ')}: one or two variables may stand before :=`);
    const list = parseExpression(code.slice(at + 1), names);
    const variables = new Set([...names.variables, ...declared]);
    const body = this.read({ ...names, fields: undefined, variables }, depth + 1);
    const otherwise = this.#else(names, depth);
    return (scope) => {
      const value = list(scope);
      if (!isTrue(value)) return otherwise(scope);
      return entriesOf(value)
        .map(([key, dot]) => {
          const own = new Variables(scope.variables);
          const [first, second] = declared.length === 1 ? [undefined, declared[0]] : declared;
          if (first !== undefined) own.declare(first, key);
          if (second !== undefined) own.declare(second, dot);
          return body({ ...scope, dot, variables: own });
        })
        .join('');
    };
  }

  /** What stands behind `else` or `else if`, up to the block's `end`. */
  #else(names: Names, depth: number): Part {
    const stop = this.stop;
    if (stop === undefined) throw new TemplateError('a block has no {{ end }}');
    if (stop === 'end') return () => '';
    const [, word, ...rest] = tokensOf(stop);
    if (word === 'if' || word === 'with') return this.#if(rest, names, depth + 1, word === 'with');
    if (word !== undefined) throw new TemplateError(`{{ ${stop} }} is none of else, else if, else with`);
    const body = this.read(names, depth + 1);
    if (this.stop !== 'end') throw new TemplateError('{{ else }} has no {{ end }}');
    return body;
  }
}

/** `$name := EXPRESSION` and `$name = EXPRESSION`. */
function assignment(
  [name = '', sign, ...code]: readonly string[],
  names: Names & { variables: Set<string> },
): Part | undefined {
  if (!/^\$\w+$/.test(name) || (sign !== ':=' && sign !== '=')) return undefined;
  const expression = parseExpression(code, names);
  if (sign === ':=') names.variables.add(name);
  else if (!names.variables.has(name)) throw new TemplateError(`there is no variable ${name} yet`);
  return (scope) => {
    const value: Value = expression(scope);
    if (sign === ':=') scope.variables.declare(name, value);
    else scope.variables.assign(name, value);
    return '';
  };
}

function printed(expression: Expression): Part {
  return (scope) => toText(expression(scope));
}
