// meta/v1 Time, MicroTime and Duration as JSON carries them.

const RFC3339 = /^(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:[.,](\d+))?([Zz]|[+-]\d\d:\d\d)$/;
const DURATION_PART = /(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)/g;
const UNIT_NS: Record<string, number> = {
  ns: 1,
  us: 1e3,
  µs: 1e3,
  μs: 1e3,
  ms: 1e6,
  s: 1e9,
  m: 60e9,
  h: 3600e9,
};

interface Instant {
  readonly epochMs: number;
  readonly fraction: string;
}

function parseInstant(text: string): Instant | undefined {
  const match = RFC3339.exec(text);
  if (match === null) return undefined;
  const [, year, month, day, hour, minute, second, fraction = '', zone = 'Z'] = match;
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59) return undefined;
  const epochMs = Date.parse(
    `${year}-${month}-${day}T${hour}:${minute}:${second}${zone === 'z' ? 'Z' : zone}`,
  );
  if (Number.isNaN(epochMs)) return undefined;
  // Date.parse takes 31 February for 3 March; the calendar does not.
  const local = new Date(Date.UTC(Number(year), Number(month) - 1, Number(day)));
  return local.getUTCDate() === Number(day) ? { epochMs, fraction } : undefined;
}

/** RFC 3339 in UTC with whole seconds, as Time is written; undefined when the text is no time. */
export function canonicalTime(text: string): string | undefined {
  const instant = parseInstant(text);
  return instant && formatTime(instant.epochMs);
}

/**
 * RFC 3339 in UTC with six decimals, as MicroTime is written; undefined for anything else,
 * whole seconds included, as upstream has it.
 */
export function canonicalMicroTime(text: string): string | undefined {
  const instant = parseInstant(text);
  if (instant === undefined || instant.fraction.length !== 6) return undefined;
  const seconds = new Date(instant.epochMs).toISOString().slice(0, 19);
  return `${seconds}.${instant.fraction}Z`;
}

/** A moment as meta/v1 Time. */
export function formatTime(epochMs: number): string {
  return `${new Date(epochMs).toISOString().slice(0, 19)}Z`;
}

/** A moment as meta/v1 MicroTime (milliseconds are as fine as the clock given). */
export function formatMicroTime(epochMs: number): string {
  return `${new Date(epochMs).toISOString().slice(0, 23)}000Z`;
}

/** A Go duration such as `1h2m3.5s` in nanoseconds; undefined when the text is none. */
export function parseDurationNs(text: string): number | undefined {
  const body = text.replace(/^[+-]/, '');
  if (body === '0') return 0;
  let end = 0;
  let total = 0;
  for (const part of body.matchAll(DURATION_PART)) {
    if (part.index !== end) return undefined;
    end += part[0].length;
    total += Number(part[1]) * (UNIT_NS[part[2] ?? ''] ?? 0);
  }
  if (body === '' || end !== body.length) return undefined;
  return text.startsWith('-') ? -total : total;
}

/** A duration as Go prints it: `1m30s`, `1.5s`, `100ms`, `0s`. */
export function formatDurationNs(ns: number): string {
  if (ns === 0) return '0s';
  const sign = ns < 0 ? '-' : '';
  const magnitude = Math.abs(ns);
  if (magnitude < 1e3) return `${sign}${magnitude}ns`;
  if (magnitude < 1e6) return `${sign}${trim(magnitude, 1e3)}µs`;
  if (magnitude < 1e9) return `${sign}${trim(magnitude, 1e6)}ms`;
  const hours = Math.floor(magnitude / 3600e9);
  const minutes = Math.floor((magnitude % 3600e9) / 60e9);
  const seconds = trim(magnitude % 60e9, 1e9);
  if (hours > 0) return `${sign}${hours}h${minutes}m${seconds}s`;
  return minutes > 0 ? `${sign}${minutes}m${seconds}s` : `${sign}${seconds}s`;
}

function trim(value: number, unit: number): string {
  return String(Number((value / unit).toFixed(9)));
}

/** How `kubectl get` shows an age: `5s`, `3m10s`, `2d3h`; `<invalid>` for a time well ahead. */
export function formatAge(ms: number): string {
  const seconds = Math.trunc(ms / 1000);
  if (seconds < -1) return '<invalid>';
  if (seconds < 0) return '0s';
  if (seconds < 120) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 10) return pair(minutes, 'm', seconds % 60, 's');
  if (minutes < 180) return `${minutes}m`;
  const hours = Math.floor(minutes / 60);
  if (hours < 8) return pair(hours, 'h', minutes % 60, 'm');
  if (hours < 48) return `${hours}h`;
  const days = Math.floor(hours / 24);
  if (hours < 192) return pair(days, 'd', hours % 24, 'h');
  if (days < 730) return `${days}d`;
  const years = Math.floor(days / 365);
  return years < 8 ? pair(years, 'y', days % 365, 'd') : `${years}y`;
}

function pair(big: number, bigUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${big}${bigUnit}` : `${big}${bigUnit}${small}${smallUnit}`;
}

/** The age of a moment given in RFC 3339, seen from `nowMs`; `<unknown>` when there is none. */
export function ageOf(time: string | undefined | null, nowMs: number): string {
  const epochMs = time ? Date.parse(time) : Number.NaN;
  return Number.isNaN(epochMs) ? '<unknown>' : formatAge(nowMs - epochMs);
}
