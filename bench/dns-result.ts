// How bench/dns.ts tells what it measured: medians with their range, and goals with whether they were reached.

/** Of values measured again and again. */
export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

export function spread(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  const lower = sorted[sorted.length % 2 === 0 ? middle - 1 : middle] ?? Number.NaN;
  return { median: (lower + upper) / 2, min: sorted[0] ?? Number.NaN, max: sorted.at(-1) ?? Number.NaN };
}

/** `5.2 (5.0 to 5.9)`; one value alone has no range. */
export function spreadText({ median, min, max }: Spread, digits: number): string {
  const text = median.toFixed(digits);
  return min === max ? text : `${text} (${min.toFixed(digits)} to ${max.toFixed(digits)})`;
}

export function printTable(head: readonly string[], rows: readonly (readonly string[])[]): void {
  console.log(`| ${head.join(' | ')} |`);
  console.log(`|${'---|'.repeat(head.length)}`);
  for (const row of rows) console.log(`| ${row.join(' | ')} |`);
  console.log('');
}

/** One line per result; `goal` is what it is held against, by its median. */
export function printResult(
  what: string,
  measured: Spread,
  {
    unit,
    digits = 2,
    goal,
  }: {
    unit: string;
    digits?: number;
    goal?: { readonly atLeast: number } | { readonly atMost: number } | undefined;
  },
): void {
  console.log(`- ${what}: ${spreadText(measured, digits)} ${unit}${goalText(measured.median, unit, goal)}`);
}

function goalText(
  value: number,
  unit: string,
  goal: { readonly atLeast: number } | { readonly atMost: number } | undefined,
): string {
  if (goal === undefined) return '';
  const [words, limit, reached] =
    'atLeast' in goal
      ? (['at least', goal.atLeast, value >= goal.atLeast] as const)
      : (['at most', goal.atMost, value <= goal.atMost] as const);
  return `; goal ${words} ${limit} ${unit}: **${reached ? 'reached' : 'missed'}**`;
}
