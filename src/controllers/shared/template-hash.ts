/** Short names derived from pod templates. */

/** No vowels, so that no words come about: the alphabet of upstream's generated names. */
const SAFE = 'bcdfghjklmnpqrstvwxz2456789';

/** FNV-1a with 32 bits over UTF-8. */
export function fnv32a(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(text)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash;
}

/** A name-safe hash of any JSON value, whatever the order of its fields; `collisions` gives another one. */
export function safeHash(value: unknown, collisions?: number): string {
  const text = canonicalJson(value) + (collisions === undefined ? '' : `#${collisions}`);
  return String(fnv32a(text)).replace(/\d/g, (digit) => SAFE[digit.charCodeAt(0) % SAFE.length] ?? '');
}

/** JSON with sorted fields, without those that are absent. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  const fields = Object.entries(value)
    .filter(([, field]) => field !== undefined && field !== null)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, field]) => `${JSON.stringify(name)}:${canonicalJson(field)}`);
  return `{${fields.join(',')}}`;
}
