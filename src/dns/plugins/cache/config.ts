import {
  choice,
  durationMs,
  fail,
  integer,
  knownOption,
  noArgs,
  onlyArg,
  zonesArg,
} from '#dns/corefile/arguments.ts';
import type { Directive } from '#dns/corefile/parse.ts';
import type { ParseScope } from '#dns/plugin.ts';
import { type Zone, ZoneSet } from '#dns/zone.ts';

/** Of positive or of negative answers. Times in seconds. */
export interface CacheShare {
  readonly capacity: number;
  readonly maxTtl: number;
  readonly minTtl: number;
  /** Zones whose answers are not kept. */
  readonly disabled: ZoneSet;
}

/** Entries asked for often are fetched again shortly before they expire. */
export interface Prefetch {
  readonly hits: number;
  /** Hits further apart than this begin to count anew. */
  readonly withinMs: number;
  /** Part of the lifetime that is left, 0.1 to 0.9. */
  readonly left: number;
}

/** Expired entries are given out for a while, before or after asking again. */
export interface ServeStale {
  readonly forMs: number;
  readonly mode: 'immediate' | 'verify';
  /** How long `verify` waits for a fresh answer; undefined: as long as it takes. */
  readonly verifyMs: number | undefined;
}

export interface CacheConfig {
  readonly zones: ZoneSet;
  readonly success: CacheShare;
  readonly denial: CacheShare;
  /** Seconds that SERVFAIL and NOTIMP are kept. */
  readonly failTtl: number;
  readonly prefetch: Prefetch | undefined;
  readonly serveStale: ServeStale | undefined;
  /** TTLs do not count down. */
  readonly keepTtl: boolean;
}

const CAPACITY = 9984;
const MAX_CAPACITY = 10_000_000;
const MAX_TTL = 0x7fffffff;
const MAX_FAIL_MS = 300_000;
const NOWHERE = new ZoneSet([]);

type Option = (option: Directive, config: CacheConfig) => Partial<CacheConfig>;

const OPTIONS: Readonly<Record<string, Option>> = {
  success: (option, { success }) => ({ success: { ...success, ...capacityAndTtls(option) } }),
  denial: (option, { denial }) => ({ denial: { ...denial, ...capacityAndTtls(option) } }),
  servfail: (option) => ({ failTtl: failTtl(option) }),
  prefetch: (option) => ({ prefetch: prefetch(option) }),
  serve_stale: (option) => ({ serveStale: serveStale(option) }),
  disable: disable,
  keepttl(option) {
    noArgs(option);
    return { keepTtl: true };
  },
};

/** Reads `cache [TTL] [ZONE…] { options }`. */
export function parseCache(directive: Directive, { keys }: ParseScope): CacheConfig {
  const [first, ...rest] = directive.args;
  const hasTtl = first !== undefined && /^[+-]?\d+$/.test(first);
  const ttl = hasTtl ? integer(directive, first, 1, MAX_TTL) : undefined;
  const blockZones: Zone[] = keys.map(({ zone }) => zone);
  const zones = new ZoneSet(zonesArg(directive, hasTtl ? rest : directive.args, blockZones));
  const share = { capacity: CAPACITY, minTtl: 5, disabled: NOWHERE };
  let config: CacheConfig = {
    zones,
    success: { ...share, maxTtl: ttl ?? 3600 },
    denial: { ...share, maxTtl: ttl ?? 1800 },
    failTtl: 5,
    prefetch: undefined,
    serveStale: undefined,
    keepTtl: false,
  };
  for (const option of directive.block ?? []) {
    const read = knownOption('cache', option, OPTIONS);
    config = { ...config, ...read(option, config) };
  }
  return config;
}

function capacityAndTtls(option: Directive): Partial<CacheShare> {
  const [capacity, maxTtl, minTtl, ...more] = option.args;
  if (capacity === undefined || more.length > 0)
    fail(option, 'takes a capacity, then if wanted the longest and the shortest TTL in seconds');
  return {
    capacity: Math.max(1, integer(option, capacity, 0, MAX_CAPACITY)),
    ...(maxTtl === undefined ? {} : { maxTtl: integer(option, maxTtl, 1, MAX_TTL) }),
    ...(minTtl === undefined ? {} : { minTtl: integer(option, minTtl, 0, MAX_TTL) }),
  };
}

function failTtl(option: Directive): number {
  const ms = durationMs(option, onlyArg(option, 'a duration'));
  if (ms > MAX_FAIL_MS) fail(option, 'failures may be kept for 5m at most (RFC 2308 §7)');
  return ms / 1000;
}

function prefetch(option: Directive): Prefetch | undefined {
  const [amount, duration = '1m', percentage = '10%', ...more] = option.args;
  if (amount === undefined || more.length > 0)
    fail(option, 'takes a number of hits, then if wanted a duration and a percentage such as 10%');
  const hits = integer(option, amount, 0, MAX_TTL);
  if (!percentage.endsWith('%')) fail(option, `${percentage} lacks its %`);
  const percent = integer(option, percentage.slice(0, -1), 10, 90);
  const withinMs = durationMs(option, duration);
  return hits === 0 ? undefined : { hits, withinMs, left: percent / 100 };
}

function serveStale(option: Directive): ServeStale {
  const [duration = '1h', mode = 'immediate', timeout, ...more] = option.args;
  if (more.length > 0)
    fail(option, 'takes at most a duration, immediate or verify, and the time-out of verify');
  const chosen = choice(option, mode.toLowerCase(), ['immediate', 'verify']);
  if (timeout !== undefined && chosen !== 'verify') fail(option, 'only verify has a time-out');
  return {
    forMs: durationMs(option, duration),
    mode: chosen,
    verifyMs: timeout === undefined ? undefined : durationMs(option, timeout),
  };
}

function disable(option: Directive, config: CacheConfig): Partial<CacheConfig> {
  const [what = '', ...zones] = option.args;
  const share = choice(option, what, ['success', 'denial']);
  const disabled = new ZoneSet([
    ...config[share].disabled.zones,
    ...zonesArg(option, zones, config.zones.zones),
  ]);
  return { [share]: { ...config[share], disabled } };
}
