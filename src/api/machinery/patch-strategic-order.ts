// The order of merged lists in a strategic merge patch: items that the patch names stand in the patch's order, the
// others are fitted in between as near to their place in the live list as possible.
import { isJsonObject, type JsonObject } from './object.ts';
import { PatchError } from './patch-json.ts';

/** The value of an item's merge key; an item without one cannot be merged. */
export function mergeKeyOf(item: JsonObject, key: string): unknown {
  const value = item[key];
  if (value === undefined)
    throw new PatchError(`map: ${JSON.stringify(item)} does not contain declared merge key: ${key}`);
  return value;
}

/** Whether two list items are the same element: by merge key, or by value where there is none. */
export function sameElement(a: unknown, b: unknown, key: string): boolean {
  if (key === '') return a === b;
  return isJsonObject(a) && isJsonObject(b) && mergeKeyOf(a, key) === mergeKeyOf(b, key);
}

/** Splits items into those that `wanted` names and the others. */
export function splitByPresence(items: unknown[], wanted: unknown[], key: string): [unknown[], unknown[]] {
  const present = (item: unknown) => wanted.some((other) => sameElement(other, item, key));
  return [items.filter(present), items.filter((item) => !present(item))];
}

function indexIn(order: unknown[], item: unknown, key: string): number {
  return order.findIndex((other) => sameElement(other, item, key));
}

function sortedBy(items: unknown[], order: unknown[], key: string): unknown[] {
  const place = (item: unknown) => {
    const at = indexIn(order, item, key);
    return at < 0 ? order.length : at;
  };
  return [...items].sort((a, b) => place(a) - place(b));
}

/** Joins the two parts: each sorted by its own list, then interleaved by the live order. */
export function normalizeOrder(
  fromPatch: unknown[],
  fromServer: unknown[],
  patchOrder: unknown[],
  serverOrder: unknown[],
  key: string,
): unknown[] {
  const left = sortedBy(fromServer, serverOrder, key);
  const right = sortedBy(fromPatch, patchOrder, key);
  const result: unknown[] = [];
  while (left.length > 0 && right.length > 0) {
    const a = indexIn(serverOrder, left[0], key);
    const b = indexIn(serverOrder, right[0], key);
    result.push(a >= 0 && b >= 0 && a < b ? left.shift() : right.shift());
  }
  return [...result, ...left, ...right];
}
