/** Values of templates in the style of Go's text/template, and what can be done with them. */

/** Undefined: a key that is not there. Lists and maps are read only. */
export type Value = string | number | boolean | undefined | readonly Value[] | ValueMap;
export interface ValueMap {
  readonly [key: string]: Value;
}

/** Text that is no template, or a template that makes no text of its data. */
export class TemplateError extends Error {
  override readonly name = 'TemplateError';
}

export function isMap(value: Value): value is ValueMap {
  return typeof value === 'object' && !Array.isArray(value);
}

export function toText(value: Value): string {
  if (value === undefined) return '<no value>';
  if (typeof value !== 'object') return String(value);
  if (!isMap(value)) return `[${value.map(toText).join(' ')}]`;
  const entries = sortedEntries(value).map(([key, each]) => `${key}:${toText(each)}`);
  return `map[${entries.join(' ')}]`;
}

export function isTrue(value: Value): boolean {
  return typeof value === 'object' ? Object.keys(value).length > 0 : Boolean(value);
}

/** Keys and values in order: of a list, of a map by key, of a number what is below it. */
export function entriesOf(value: Value): [Value, Value][] {
  if (Array.isArray(value)) return value.map((each, at): [Value, Value] => [at, each]);
  if (isMap(value)) return sortedEntries(value);
  if (typeof value === 'number' && value <= MAX_RANGE)
    return Array.from({ length: Math.max(0, value) }, (_, at) => [at, at]);
  throw new TemplateError(`range cannot go over ${toText(value)}`);
}

const MAX_RANGE = 1000;

function sortedEntries(map: ValueMap): [string, Value][] {
  return Object.keys(map)
    .toSorted()
    .map((key) => [key, map[key]]);
}

type Fn = (values: readonly Value[]) => Value;

export const FUNCTIONS: Readonly<Record<string, Fn>> = {
  and: (values) => values.find((value) => !isTrue(value)) ?? values.at(-1),
  or: (values) => values.find(isTrue) ?? values.at(-1),
  not: ([value]) => !isTrue(value),
  index: ([of, ...keys]) => keys.reduce(indexOf, of),
  slice: ([of, from = 0, to]) => sliceOf(of, from, to),
  len: ([of]) => {
    if (typeof of === 'string') return Buffer.byteLength(of);
    if (typeof of === 'object') return Object.keys(of).length;
    throw new TemplateError(`${toText(of)} has no length`);
  },
  print: (values) => values.map(spaced).join(''),
  println: (values) => `${values.map(toText).join(' ')}\n`,
  printf: ([format, ...values]) => printf(toText(format), values),
  html: (values) =>
    values
      .map(toText)
      .join('')
      .replaceAll(/[<>&"']/g, escapeHtml),
  urlquery: (values) => encodeURIComponent(values.map(toText).join('')).replaceAll('%20', '+'),
  parseInt: ([text, base = 10]) => parseNumber(toText(text), Number(base)),
  eq: ([first, ...others]) => others.some((other) => order(other, first) === 0),
  ne: ([a, b]) => order(a, b) !== 0,
  lt: ([a, b]) => order(a, b) < 0,
  le: ([a, b]) => order(a, b) <= 0,
  gt: ([a, b]) => order(a, b) > 0,
  ge: ([a, b]) => order(a, b) >= 0,
};

/** Values of different types are not compared, as in Go. */
function order(a: Value, b: Value): number {
  if (typeof a !== typeof b || typeof a === 'object' || a === undefined || b === undefined)
    throw new TemplateError(`${toText(a)} and ${toText(b)} cannot be compared`);
  return a === b ? 0 : a < b ? -1 : 1;
}

/** A bad index fails the query, as in Go; a key that is not there is an empty text. */
function indexOf(of: Value, at: Value): Value {
  if (isMap(of)) return Object.hasOwn(of, toText(at)) ? of[toText(at)] : '';
  const list = typeof of === 'string' ? [...Buffer.from(of)] : of;
  const place = Number(at);
  if (!Array.isArray(list) || !Number.isInteger(place) || place < 0 || place >= list.length)
    throw new TemplateError(`index ${toText(at)} is out of range`);
  return list[place] as Value;
}

function sliceOf(of: Value, from: Value, to: Value): Value {
  if (typeof of !== 'string' && !Array.isArray(of)) throw new TemplateError(`${toText(of)} cannot be sliced`);
  const end = to === undefined ? of.length : Number(to);
  const start = Number(from);
  if (!(start >= 0 && start <= end && end <= of.length))
    throw new TemplateError(`slice ${start} to ${end} is out of range`);
  return (of as string).slice(start, end);
}

/** `print` puts spaces between two that are no texts. */
function spaced(value: Value, at: number, values: readonly Value[]): string {
  const before = values[at - 1];
  const both = at > 0 && typeof before !== 'string' && typeof value !== 'string';
  return both ? ` ${toText(value)}` : toText(value);
}

function parseNumber(text: string, base: number): number {
  const value = /^[0-9a-z]+$/i.test(text) ? Number.parseInt(text, base) : Number.NaN;
  if (Number.isNaN(value)) throw new TemplateError(`${text} is no number`);
  return value;
}

function printf(format: string, values: readonly Value[]): string {
  let at = 0;
  return format.replaceAll(/%(-?)(0?)(\d*)([sdvxXq%])/g, (_, ...found: string[]) => {
    const [left, zero, width, verb = 's'] = found;
    if (verb === '%') return '%';
    const text = formatted(verb, values[at++]);
    if (left === '-') return text.padEnd(Number(width));
    return text.padStart(Math.min(Number(width), 255), zero === '0' ? '0' : ' ');
  });
}

function formatted(verb: string, value: Value): string {
  if (verb === 'q') return JSON.stringify(toText(value));
  if (verb !== 'x' && verb !== 'X') return toText(value);
  const hex = typeof value === 'number' ? value.toString(16) : Buffer.from(toText(value)).toString('hex');
  return verb === 'X' ? hex.toUpperCase() : hex;
}

function escapeHtml(char: string): string {
  return { '<': '&lt;', '>': '&gt;', '&': '&amp;', '"': '&#34;' }[char] ?? '&#39;';
}
