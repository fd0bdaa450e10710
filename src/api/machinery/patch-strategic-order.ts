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

/** What tells a list item from the others: its merge key, or itself where there is none. Only objects have keys. */
function identityOf(item: unknown, key: string): unknown {
  if (key === '') return item;
  return isJsonObject(item) ? mergeKeyOf(item, key) : Symbol('no element');
}

/** The place of every item in a list, by identity; of equal ones the first. */
export function placesIn(items: readonly unknown[], key: string): Map<unknown, number> {
  const places = new Map<unknown, number>();
  items.forEach((item, index) => {
    const identity = identityOf(item, key);
    if (!places.has(identity)) places.set(identity, index);
  });
  return places;
}

/** Splits items into those that `wanted` names and the others. */
export function splitByPresence(items: unknown[], wanted: unknown[], key: string): [unknown[], unknown[]] {
  const places = placesIn(wanted, key);
  const named = items.map((item) => places.has(identityOf(item, key)));
  return [items.filter((_, index) => named[index]), items.filter((_, index) => !named[index])];
}

function sortedBy(items: unknown[], order: unknown[], key: string): unknown[] {
  const places = placesIn(order, key);
  return items
    .map((item) => ({ item, place: places.get(identityOf(item, key)) ?? order.length }))
    .sort((a, b) => a.place - b.place)
    .map(({ item }) => item);
}

/** Joins the two parts: each sorted by its own list, then interleaved by the live order. */
export function normalizeOrder(
  fromPatch: unknown[],
  fromServer: unknown[],
  patchOrder: unknown[],
  serverOrder: unknown[],
  key: string,
): unknown[] {
  const places = placesIn(serverOrder, key);
  const left = sortedBy(fromServer, serverOrder, key);
  const right = sortedBy(fromPatch, patchOrder, key);
  const result: unknown[] = [];
  let l = 0;
  let r = 0;
  while (l < left.length && r < right.length) {
    const a = places.get(identityOf(left[l], key));
    const b = places.get(identityOf(right[r], key));
    const leftFirst = a !== undefined && b !== undefined && a < b;
    result.push(leftFirst ? left[l++] : right[r++]);
  }
  return [...result, ...left.slice(l), ...right.slice(r)];
}
