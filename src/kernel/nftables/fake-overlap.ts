import { DATA_TYPES } from './data-types.ts';
import type { EncodedKey } from './element-codec.ts';
import type { NftMap, NftSet } from './objects.ts';

/**
 * Whether the kernel would refuse a range beside those that are there. Ranges of single values may not
 * overlap at all; of concatenations, a new one may not begin inside an older one (a wider one may be added,
 * the older then wins).
 */
export function overlapsAny(
  set: NftSet | NftMap,
  added: EncodedKey,
  present: Iterable<{ readonly encoded: EncodedKey }>,
): boolean {
  for (const { encoded } of present) {
    if (set.key.length === 1 ? overlaps(added, encoded) : startsWithin(set, added, encoded)) return true;
  }
  return false;
}

function overlaps(a: EncodedKey, b: EncodedKey): boolean {
  return Buffer.compare(a.key, b.end ?? b.key) <= 0 && Buffer.compare(b.key, a.end ?? a.key) <= 0;
}

/** Part by part, each of which begins at a multiple of 4 bytes. */
function startsWithin(
  set: NftSet | NftMap,
  { key }: EncodedKey,
  { key: from, end = from }: EncodedKey,
): boolean {
  let at = 0;
  return set.key.every((type) => {
    const next = at + DATA_TYPES[type].size;
    const [first, last] = [from.subarray(at, next), end.subarray(at, next)];
    const part = key.subarray(at, next);
    at = (next + 3) & ~3;
    return Buffer.compare(part, first) >= 0 && Buffer.compare(part, last) <= 0;
  });
}
