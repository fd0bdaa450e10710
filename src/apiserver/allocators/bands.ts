import { randomInt } from 'node:crypto';

/**
 * How large the lower part of a range is from which nothing is given out unasked, so that numbers
 * chosen by hand seldom collide with those given out.
 */
export interface BandRule {
  readonly min: number;
  readonly max: number;
  /** The lower band is this part of the range, within min and max. */
  readonly divisor: number;
}

/** Of service addresses (KEP-3070): 16 to 256, a sixteenth. */
export const ADDRESS_BANDS: BandRule = { min: 16, max: 256, divisor: 16 };

/** Of node ports (KEP-3668): 16 to 128, a thirty-second. */
export const PORT_BANDS: BandRule = { min: 16, max: 128, divisor: 32 };

/** Size of the lower band of a range of `size` numbers; 0 when the range is too small for bands. */
export function lowerBand(size: number, { min, max, divisor }: BandRule): number {
  if (size <= min) return 0;
  return Math.min(Math.max(min, Math.floor(size / divisor)), max);
}

/** A free number of 0 ≤ n < size: from a random place of the upper band on, then the lower one. */
export function pickFree(size: number, rule: BandRule, isFree: (n: number) => boolean): number | undefined {
  const lower = lowerBand(size, rule);
  return scan(lower, size, isFree) ?? scan(0, lower, isFree);
}

function scan(from: number, to: number, isFree: (n: number) => boolean): number | undefined {
  const size = to - from;
  if (size <= 0) return undefined;
  const start = randomInt(size);
  for (let i = 0; i < size; i++) {
    const n = from + ((start + i) % size);
    if (isFree(n)) return n;
  }
  return undefined;
}
