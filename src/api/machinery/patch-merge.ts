// JSON Merge Patch (RFC 7386).
import { cloneJson } from './equal.ts';
import { isJsonObject } from './object.ts';

/** Applies a merge patch and returns the new document; `document` is not changed. */
export function applyMergePatch(document: unknown, patch: unknown): unknown {
  if (!isJsonObject(patch)) return cloneJson(patch);
  const result = new Map(Object.entries(isJsonObject(document) ? document : {}));
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) result.delete(name);
    else result.set(name, applyMergePatch(result.get(name), value));
  }
  return Object.fromEntries(result);
}
