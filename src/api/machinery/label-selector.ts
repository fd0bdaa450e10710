// Label selectors, as text (`app=web,tier in (a, b),!legacy`) and as meta/v1 LabelSelector.
import type { LabelSelector } from '#api/meta/v1.gen.ts';
import { type FieldError, forbidden, invalid, required } from './field-error.ts';
import { labelValue, qualifiedName } from './names.ts';

export type LabelOperator = '=' | '!=' | 'in' | 'notin' | 'exists' | '!' | 'gt' | 'lt';

/** One condition; all of a selector's conditions must hold. */
export interface LabelRequirement {
  readonly key: string;
  readonly operator: LabelOperator;
  readonly values: readonly string[];
}

/** A selector's text that cannot be read. */
export class SelectorSyntaxError extends Error {
  override readonly name = 'SelectorSyntaxError';
}

type Labels = Readonly<Record<string, string>> | null | undefined;

/** Whether labels meet every requirement; no requirements are met by everything. */
export function matchesLabels(requirements: readonly LabelRequirement[], labels: Labels): boolean {
  return requirements.every((requirement) => matchesRequirement(requirement, labels ?? {}));
}

function matchesRequirement(
  { key, operator, values }: LabelRequirement,
  labels: Record<string, string>,
): boolean {
  const has = Object.hasOwn(labels, key);
  const value = has ? (labels[key] ?? '') : '';
  switch (operator) {
    case 'exists':
      return has;
    case '!':
      return !has;
    case '=':
    case 'in':
      return has && values.includes(value);
    case '!=':
    case 'notin':
      return !has || !values.includes(value);
    default:
      return has && comparesInt(operator, value, values[0] ?? '');
  }
}

function comparesInt(operator: 'gt' | 'lt', label: string, bound: string): boolean {
  if (!/^[+-]?\d{1,19}$/.test(label) || !/^[+-]?\d{1,19}$/.test(bound)) return false;
  return operator === 'gt' ? BigInt(label) > BigInt(bound) : BigInt(label) < BigInt(bound);
}

/**
 * The requirements of a LabelSelector. null or undefined selects nothing and gives undefined; an empty selector
 * selects everything and gives [].
 */
export function fromLabelSelector(
  selector: LabelSelector | null | undefined,
): LabelRequirement[] | undefined {
  if (selector === null || selector === undefined) return undefined;
  const equal = fromSet(selector.matchLabels);
  const operators: Record<string, LabelOperator> = {
    In: 'in',
    NotIn: 'notin',
    Exists: 'exists',
    DoesNotExist: '!',
  };
  const expressions = (selector.matchExpressions ?? []).map((expression): LabelRequirement => {
    const operator = operators[expression.operator];
    if (operator === undefined) {
      throw new SelectorSyntaxError(
        `${JSON.stringify(expression.operator)} is not a valid label selector operator`,
      );
    }
    return { key: expression.key, operator, values: expression.values ?? [] };
  });
  return [...equal, ...expressions];
}

/** The requirements of a plain map such as a Service's selector: every label equal. */
export function fromSet(labels: Labels): LabelRequirement[] {
  return Object.entries(labels ?? {}).map(([key, value]) => ({ key, operator: '=', values: [value] }));
}

/** Whether a LabelSelector selects these labels; null or undefined selects nothing. */
export function selects(selector: LabelSelector | null | undefined, labels: Labels): boolean {
  const requirements = fromLabelSelector(selector);
  return requirements !== undefined && matchesLabels(requirements, labels);
}

/** Writes requirements as upstream does: sorted by key, `a=1,b in (x,y),!c`. */
export function formatRequirements(requirements: readonly LabelRequirement[]): string {
  return [...requirements]
    .sort((a, b) => (a.key < b.key ? -1 : Number(a.key > b.key)))
    .map(formatRequirement)
    .join(',');
}

function formatRequirement({ key, operator, values }: LabelRequirement): string {
  switch (operator) {
    case 'exists':
      return key;
    case '!':
      return `!${key}`;
    case '=':
    case '!=':
      return `${key}${operator}${values[0] ?? ''}`;
    case 'gt':
      return `${key}>${values[0] ?? ''}`;
    case 'lt':
      return `${key}<${values[0] ?? ''}`;
    default:
      return `${key} ${operator} (${[...values].sort().join(',')})`;
  }
}

/** A LabelSelector as a Table shows it; `<none>` when it is empty. */
export function formatLabelSelector(selector: LabelSelector | null | undefined): string {
  const text = formatRequirements(fromLabelSelector(selector) ?? []);
  return text === '' ? '<none>' : text;
}

const TOKEN = /\s*(==|!=|[=!(),<>]|[^\s=!(),<>]+)/y;

/** Reads the text of a `labelSelector` parameter. Throws SelectorSyntaxError. */
export function parseLabelSelector(text: string): LabelRequirement[] {
  return new SelectorReader(text).requirements();
}

class SelectorReader {
  private readonly tokens: string[] = [];
  private at = 0;

  constructor(text: string) {
    const trimmed = text.trimEnd();
    TOKEN.lastIndex = 0;
    while (TOKEN.lastIndex < trimmed.length) {
      const match = TOKEN.exec(trimmed);
      if (match?.[1] === undefined) throw new SelectorSyntaxError(`unable to parse requirement: ${text}`);
      this.tokens.push(match[1]);
    }
  }

  requirements(): LabelRequirement[] {
    const found: LabelRequirement[] = [];
    if (this.tokens.length === 0) return found;
    for (;;) {
      found.push(this.requirement());
      const next = this.next();
      if (next === undefined) return found;
      if (next !== ',') throw unexpected(next, "',' or 'end of string'");
    }
  }

  private requirement(): LabelRequirement {
    const negated = this.peek() === '!';
    if (negated) this.at += 1;
    const key = this.word();
    checkSyntax(qualifiedName(key), key);
    if (negated) return { key, operator: '!', values: [] };
    const operator = this.peek();
    if (operator === undefined || operator === ',') return { key, operator: 'exists', values: [] };
    this.at += 1;
    if (operator === 'in' || operator === 'notin') return checked({ key, operator, values: this.list() });
    if (operator === '>' || operator === '<') {
      const value = this.word();
      if (!/^[+-]?\d+$/.test(value)) {
        throw new SelectorSyntaxError(
          `values[0][${key}]: Invalid value: ${JSON.stringify(value)}: for 'Gt', 'Lt' operators, the value must be an integer`,
        );
      }
      return { key, operator: operator === '>' ? 'gt' : 'lt', values: [value] };
    }
    if (operator === '=' || operator === '==') return checked({ key, operator: '=', values: [this.value()] });
    if (operator === '!=') return checked({ key, operator, values: [this.value()] });
    throw unexpected(operator, 'in, notin, =, ==, !=, gt, lt');
  }

  /** The value after an equals sign: may be missing, which means empty. */
  private value(): string {
    const next = this.peek();
    return next === undefined || next === ',' ? '' : this.word();
  }

  private list(): string[] {
    if (this.next() !== '(') throw unexpected(this.tokens[this.at - 1], "'('");
    const values: string[] = [];
    for (;;) {
      const next = this.peek();
      if (next === ',' || next === ')') values.push('');
      else values.push(this.word());
      const separator = this.next();
      if (separator === ')') return values;
      if (separator !== ',') throw unexpected(separator, "',' or ')'");
    }
  }

  private word(): string {
    const token = this.next();
    if (token === undefined || /^(?:==|!=|[=!(),<>])$/.test(token)) throw unexpected(token, 'identifier');
    return token;
  }

  private peek(): string | undefined {
    return this.tokens[this.at];
  }

  private next(): string | undefined {
    const token = this.tokens[this.at];
    this.at += 1;
    return token;
  }
}

function checked(requirement: LabelRequirement): LabelRequirement {
  for (const value of requirement.values) checkSyntax(labelValue(value), value);
  return requirement;
}

function checkSyntax(problems: readonly string[], value: string): void {
  if (problems.length === 0) return;
  throw new SelectorSyntaxError(`Invalid value: ${JSON.stringify(value)}: ${problems.join('; ')}`);
}

function unexpected(token: string | undefined, expected: string): SelectorSyntaxError {
  return new SelectorSyntaxError(`found '${token ?? ''}', expected: ${expected}`);
}

/** Findings about a LabelSelector inside an object. */
export function validateLabelSelector(
  selector: LabelSelector | null | undefined,
  path: string,
): FieldError[] {
  const labels = Object.entries(selector?.matchLabels ?? {}).flatMap(([key, value]) => [
    ...qualifiedName(key).map((text) => invalid(`${path}.matchLabels`, key, text)),
    ...labelValue(value).map((text) => invalid(`${path}.matchLabels`, value, text)),
  ]);
  return [...labels, ...validateExpressions(selector, path)];
}

function validateExpressions(selector: LabelSelector | null | undefined, path: string): FieldError[] {
  return (selector?.matchExpressions ?? []).flatMap((expression, index) => {
    const at = `${path}.matchExpressions[${index}]`;
    const values = expression.values ?? [];
    const errors: FieldError[] = [];
    if (expression.operator === 'In' || expression.operator === 'NotIn') {
      if (values.length === 0) {
        errors.push(required(`${at}.values`, "must be specified when `operator` is 'In' or 'NotIn'"));
      }
    } else if (expression.operator === 'Exists' || expression.operator === 'DoesNotExist') {
      if (values.length > 0) {
        errors.push(
          forbidden(`${at}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"),
        );
      }
    } else errors.push(invalid(`${at}.operator`, expression.operator, 'not a valid selector operator'));
    errors.push(...qualifiedName(expression.key).map((text) => invalid(`${at}.key`, expression.key, text)));
    values.forEach((value, item) => {
      errors.push(...labelValue(value).map((text) => invalid(`${at}.values[${item}]`, value, text)));
    });
    return errors;
  });
}
