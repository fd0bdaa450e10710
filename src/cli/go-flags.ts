import { parseIp } from '#lib/ip.ts';
import { UsageError } from './command.ts';

const UNITS_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
const MAX_TIMER_MS = 0x7fffffff;

/** Words of a command line in Go's manner, where one dash is as good as two: `-localip`, `-localip=…`. */
export function flagWords(argv: readonly string[]): string[] {
  return argv.map((word) => (/^-[a-z][-\w.]+(=|$)/i.test(word) ? `-${word}` : word));
}

/** `60s`, `1m30s`; a number alone is of seconds. In ms. */
export function durationFlag(name: string, text: string): number {
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|[smh])/g)];
  const whole = parts.map(([part]) => part).join('') === text;
  const ms = /^\d+$/.test(text)
    ? Number(text) * 1000
    : parts.reduce((sum, [, number = '', unit = '']) => sum + Number(number) * (UNITS_MS[unit] ?? 0), 0);
  if ((whole || /^\d+$/.test(text)) && ms > 0 && ms <= MAX_TIMER_MS) return ms;
  throw new UsageError(`--${name} ${text}: a duration such as 60s is expected`);
}

/** Addresses between commas; each once, in canonical form. */
export function addressListFlag(name: string, text: string | undefined): string[] {
  if (text === undefined || text === '')
    throw new UsageError(`--${name} is missing: addresses such as 169.254.20.10,10.96.0.10`);
  const addresses = text.split(',').map((word) => {
    const address = parseIp(word.trim());
    if (address === undefined || address === '0.0.0.0' || address === '::')
      throw new UsageError(`--${name} ${text}: ${JSON.stringify(word)} is no address of one host`);
    return address;
  });
  return [...new Set(addresses)];
}
