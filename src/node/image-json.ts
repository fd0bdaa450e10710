/** The shapes of an image's manifests, which anybody may have written: each says what is wrong. Pure. */

/** An object of unknown fields. */
export type Json = Record<string, unknown>;

export function recordOf(value: unknown, what: string): Json {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Json;
  throw new Error(`this is no image: ${what} must be an object`);
}

export function recordsOf(value: unknown, what: string): Json[] {
  if (!Array.isArray(value)) throw new Error(`this is no image: ${what} must be a list`);
  return value.map((item) => recordOf(item, `each of ${what}`));
}

export function textOf(value: unknown, what: string): string {
  if (typeof value === 'string') return value;
  throw new Error(`this is no image: ${what} must be a text`);
}

/** Absent and null are an empty list. */
export function textsOf(value: unknown, what: string): string[] {
  if (!Array.isArray(value ?? [])) throw new Error(`this is no image: ${what} must be a list`);
  return ((value ?? []) as unknown[]).map((item) => textOf(item, `each of ${what}`));
}
