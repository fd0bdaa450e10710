/** Growing waits between attempts. */

export interface BackoffOptions {
  /** The first wait. */
  baseMs: number;
  maxMs: number;
  /** Part of each wait that is left to chance: 0.5 makes it 50 to 100 %. Default 0.5. */
  jitter?: number | undefined;
  random?: (() => number) | undefined;
}

/** How long to wait before attempt `failures + 1`: base, twice base, … up to max, less the jitter. */
export function backoffMs(failures: number, options: BackoffOptions): number {
  const { baseMs, maxMs, jitter = 0.5, random = Math.random } = options;
  const full = Math.min(maxMs, baseMs * 2 ** Math.min(failures, 30));
  return full * (1 - jitter * random());
}
