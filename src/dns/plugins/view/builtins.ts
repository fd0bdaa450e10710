/** Functions of expr-lang that need no query. */
import {
  ExpressionError,
  type ExpressionValue,
  listOf,
  numberOf,
  textOf,
  UnfitValueError,
} from './expression-value.ts';

type Builtin = (args: readonly ExpressionValue[]) => ExpressionValue;

const MAX_REPEATED = 65_536;

const onText =
  (change: (text: string, ...more: readonly string[]) => ExpressionValue, count = 1): Builtin =>
  (args) => {
    const [text = '', ...more] = exactly(args, count).map(textOf);
    return change(text, ...more);
  };
const onNumber =
  (change: (value: number) => number): Builtin =>
  (args) =>
    change(numberOf(exactly(args, 1)[0] ?? null));

/** By name. They throw an `ExpressionError` for arguments that they are not for. */
export const BUILTINS: Readonly<Record<string, Builtin>> = {
  len: (args) => lengthOf(exactly(args, 1)[0] ?? null),
  lower: onText((text) => text.toLowerCase()),
  upper: onText((text) => text.toUpperCase()),
  hasPrefix: onText((text, prefix = '') => text.startsWith(prefix), 2),
  hasSuffix: onText((text, suffix = '') => text.endsWith(suffix), 2),
  indexOf: onText((text, part = '') => text.indexOf(part), 2),
  lastIndexOf: onText((text, part = '') => text.lastIndexOf(part), 2),
  split: onText((text, separator = '') => text.split(separator), 2),
  replace: onText((text, from = '', to = '') => text.replaceAll(from, () => to), 3),
  trim: trimmed,
  trimPrefix: onText((text, part = '') => (text.startsWith(part) ? text.slice(part.length) : text), 2),
  trimSuffix: onText(
    (text, part = '') => (part !== '' && text.endsWith(part) ? text.slice(0, -part.length) : text),
    2,
  ),
  repeat: repeated,
  join(args) {
    const [list = null, separator = ''] = args;
    return listOf(list).map(textOf).join(textOf(separator));
  },
  first: (args) => listOf(exactly(args, 1)[0] ?? null)[0] ?? null,
  last: (args) => listOf(exactly(args, 1)[0] ?? null).at(-1) ?? null,
  string: (args) => String(exactly(args, 1)[0] ?? null),
  int: (args) => Math.trunc(asNumber(exactly(args, 1)[0] ?? null)),
  float: (args) => asNumber(exactly(args, 1)[0] ?? null),
  abs: onNumber(Math.abs),
  ceil: onNumber(Math.ceil),
  floor: onNumber(Math.floor),
  round: onNumber(Math.round),
  max: (args) => Math.max(...atLeastOne(args).map(numberOf)),
  min: (args) => Math.min(...atLeastOne(args).map(numberOf)),
};

function exactly(args: readonly ExpressionValue[], count: number): readonly ExpressionValue[] {
  if (args.length !== count)
    throw new ExpressionError(`a function takes ${count} arguments and has got ${args.length}`);
  return args;
}

function atLeastOne(args: readonly ExpressionValue[]): readonly ExpressionValue[] {
  if (args.length === 0) throw new ExpressionError('max and min take numbers');
  return args;
}

function lengthOf(value: ExpressionValue): number {
  return typeof value === 'string' ? Array.from(value).length : listOf(value).length;
}

function trimmed([text = null, characters = ' \t\r\n']: readonly ExpressionValue[]): string {
  const [chars, whole] = [textOf(characters), textOf(text)];
  let [from, to] = [0, whole.length];
  while (from < to && chars.includes(whole.charAt(from))) from++;
  while (to > from && chars.includes(whole.charAt(to - 1))) to--;
  return whole.slice(from, to);
}

function repeated([text = null, times = null]: readonly ExpressionValue[]): string {
  const [part, count] = [textOf(text), numberOf(times)];
  if (!(count >= 0 && part.length * count <= MAX_REPEATED))
    throw new ExpressionError(`${count} times ${part} is too much`);
  return part.repeat(count);
}

function asNumber(value: ExpressionValue): number {
  if (typeof value === 'number') return value;
  const number = Number(textOf(value));
  if (value === '' || Number.isNaN(number)) throw new UnfitValueError(`${String(value)} is no number`);
  return number;
}
