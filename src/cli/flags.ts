import { parseArgs } from 'node:util';
import { nearMiss } from '#lib/near-miss.ts';
import { UsageError } from './command.ts';

/** One flag. `values` lists the only words it takes; `parse` turns the word into a value or throws. */
export interface Flag {
  readonly type: 'boolean' | 'string';
  readonly short?: string;
  /** May be given several times; its value is then a list. */
  readonly multiple?: boolean;
  readonly values?: readonly string[];
}

export type Flags = Readonly<Record<string, Flag>>;

type FlagValue<F extends Flag> = F['type'] extends 'boolean'
  ? boolean
  : F extends { readonly values: readonly (infer V)[] }
    ? V
    : string;

/** The values of the flags that were given; a `multiple` flag is always a list, a boolean always a boolean. */
export type FlagValues<S extends Flags> = {
  readonly [K in keyof S]: S[K] extends { readonly multiple: true }
    ? readonly FlagValue<S[K]>[]
    : S[K]['type'] extends 'boolean'
      ? boolean
      : FlagValue<S[K]> | undefined;
};

export interface ParsedWords<S extends Flags> {
  readonly values: FlagValues<S>;
  /** Words that are no flags, those after `--` excluded. */
  readonly positionals: readonly string[];
  /** Words after `--`; undefined without `--`. */
  readonly rest: readonly string[] | undefined;
}

export interface ParseOptions {
  /** Names of the words that are no flags, as help shows them; a `?` ends the optional ones. Default: none. */
  readonly positionals?: readonly string[];
  /** Whether `-- WORD…` is accepted. */
  readonly rest?: boolean;
}

/** Reads the words of a command line by its table of flags; throws `UsageError` with the one thing that is wrong. */
export function parseFlags<const S extends Flags>(
  flags: S,
  argv: readonly string[],
  { positionals: names = [], rest: takesRest = false }: ParseOptions = {},
): ParsedWords<S> {
  const { tokens } = parseArgs({
    args: [...argv],
    options: parseArgsOptions(flags),
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const values: Record<string, unknown> = initialValues(flags);
  const positionals: string[] = [];
  let rest: string[] | undefined;
  for (const token of tokens) {
    if (token.kind === 'option-terminator') {
      rest = argv.slice(token.index + 1);
      break;
    }
    if (token.kind === 'positional') {
      positionals.push(token.value);
      continue;
    }
    const flag = Object.hasOwn(flags, token.name) ? flags[token.name] : undefined;
    if (flag === undefined) throw unknownFlag(token.rawName, flags);
    assign(values, token.name, flag, flagValue(token.rawName, flag, token.value, token.inlineValue));
  }
  if (rest !== undefined && !takesRest) {
    positionals.push(...rest);
    rest = undefined;
  }
  checkPositionals(positionals, names);
  return { values: values as FlagValues<S>, positionals, rest };
}

/** A whole number of a flag within bounds, or `UsageError`. */
export function integerFlag(name: string, text: string, min: number, max: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= min && value <= max) return value;
  throw new UsageError(`--${name} ${text}: a whole number from ${min} to ${max} is expected`);
}

function parseArgsOptions(flags: Flags) {
  return Object.fromEntries(
    Object.entries(flags).map(([name, { type, short }]) => [
      name,
      { type, multiple: true, ...(short === undefined ? {} : { short }) },
    ]),
  );
}

function initialValues(flags: Flags): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  for (const [name, flag] of Object.entries(flags)) {
    values[name] = flag.multiple ? [] : flag.type === 'boolean' ? false : undefined;
  }
  return values;
}

function flagValue(
  rawName: string,
  flag: Flag,
  value: string | undefined,
  inline: boolean | undefined,
): boolean | string {
  if (flag.type === 'boolean') {
    if (value === undefined || value === 'true') return true;
    if (value === 'false') return false;
    throw new UsageError(`${rawName}=${value}: true or false is expected`);
  }
  if (value === undefined || (!inline && value.startsWith('-') && value.length > 1)) {
    throw new UsageError(`${rawName} needs a value${flag.values ? `: ${flag.values.join(', ')}` : ''}`);
  }
  if (flag.values !== undefined && !flag.values.includes(value)) {
    throw new UsageError(`${rawName} ${value}: one of ${flag.values.join(', ')} is expected`);
  }
  return value;
}

function assign(values: Record<string, unknown>, name: string, flag: Flag, value: boolean | string): void {
  if (flag.multiple) (values[name] as (boolean | string)[]).push(value);
  else values[name] = value;
}

function checkPositionals(words: readonly string[], names: readonly string[]): void {
  const required = names.filter((name) => !name.endsWith('?'));
  const missing = required[words.length];
  if (missing !== undefined) throw new UsageError(`${missing} is missing`);
  const surplus = words[names.length];
  if (surplus !== undefined) throw new UsageError(`unexpected word ${JSON.stringify(surplus)}`);
}

function unknownFlag(rawName: string, flags: Flags): UsageError {
  const known = Object.keys(flags).map((name) => `--${name}`);
  const near = nearMiss(rawName, known);
  return new UsageError(`unknown flag ${rawName}${near === undefined ? '' : `, did you mean ${near}?`}`);
}
