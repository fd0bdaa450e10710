import { parseZones, type Zone } from '#dns/zone.ts';
import { nearMiss } from '#lib/near-miss.ts';
import { CorefileError } from './error.ts';
import type { Directive } from './parse.ts';

/** Reading arguments of directives; every one throws a `CorefileError` that names directive and argument. */

export function fail(directive: Directive, problem: string): never {
  throw new CorefileError(directive.where, `${directive.name}: ${problem}`);
}

/** The directive's only argument. */
export function onlyArg(directive: Directive, what: string): string {
  const [arg] = directive.args;
  if (arg === undefined || directive.args.length > 1)
    fail(directive, `takes one argument, ${what}, not ${directive.args.length}`);
  return arg;
}

export function noArgs(directive: Directive): void {
  if (directive.args.length > 0) fail(directive, `takes no arguments, not ${quote(directive.args[0])}`);
}

export function noBlock(directive: Directive): void {
  if (directive.block !== undefined) fail(directive, 'takes no block');
}

/** The directive where a plugin may be there only once in a server block. */
export function onlyOnce(directives: readonly Directive[]): Directive {
  const [first, second] = directives;
  if (first === undefined) throw new TypeError('no directive');
  if (second !== undefined)
    fail(second, `is there already on line ${first.where.line}; once in a server block is all there may be`);
  return first;
}

export function integer(directive: Directive, text: string, min: number, max: number): number {
  const value = /^[+-]?\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= min && value <= max))
    fail(directive, `${quote(text)} is no whole number between ${min} and ${max}`);
  return value;
}

const UNITS_MS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

/** `5s`, `1m30s`, `200ms`, `0`, as Go writes durations; in ms. */
export function durationMs(directive: Directive, text: string): number {
  if (text === '0') return 0;
  let total = 0;
  const rest = text.replaceAll(
    /(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)/g,
    (_, number: string, unit: string) => {
      total += Number(number) * (UNITS_MS[unit] ?? Number.NaN);
      return '';
    },
  );
  if (text === '' || rest !== '') fail(directive, `${quote(text)} is no duration such as 5s, 200ms or 1m30s`);
  return total;
}

/** Zones; none given: those of the server block. */
export function zonesArg(
  directive: Directive,
  args: readonly string[],
  otherwise: readonly Zone[],
): readonly Zone[] {
  if (args.length === 0) return otherwise;
  try {
    return args.flatMap((text) => parseZones(text));
  } catch (error) {
    return fail(directive, (error as Error).message);
  }
}

/** The end of a switch over a plugin's options. */
export function unknownOption(plugin: string, option: Directive, known: readonly string[]): never {
  throw new CorefileError(
    option.where,
    `${plugin}: there is no option ${quote(option.name)}${didYouMean(option.name, known)}; there are ${known.toSorted().join(', ')}`,
  );
}

/** What a plugin's table has for an option. */
export function knownOption<T>(plugin: string, option: Directive, table: Readonly<Record<string, T>>): T {
  const known = Object.hasOwn(table, option.name) ? table[option.name] : undefined;
  return known ?? unknownOption(plugin, option, Object.keys(table));
}

/** ` (did you mean cache?)` where one of the known words is like the one written; else nothing. */
export function didYouMean(word: string, known: Iterable<string>): string {
  const near = nearMiss(word, known);
  return near === undefined ? '' : ` (did you mean ${near}?)`;
}

/** One of a few words. */
export function choice<const T extends string>(directive: Directive, text: string, known: readonly T[]): T {
  const found = known.find((word) => word === text);
  return found ?? fail(directive, `${quote(text)} is none of ${known.join(', ')}${didYouMean(text, known)}`);
}

function quote(text: string | undefined): string {
  return JSON.stringify(text ?? '');
}
