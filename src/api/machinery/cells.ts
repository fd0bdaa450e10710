// What cells of Tables have in common.
import type { KubeObject } from './object.ts';
import { ageOf } from './time.ts';

/** Cells of an object in the order of its kind's columns. */
export type CellsOf<T extends KubeObject = KubeObject> = (object: T, nowMs: number) => unknown[];

/** Lets cells that speak of one kind stand in a list with those of others. */
export function cells<T extends KubeObject>(own: CellsOf<T>): CellsOf {
  return own as unknown as CellsOf;
}

export const NONE = '<none>';

export function nameOf(object: KubeObject): string {
  return object.metadata?.name ?? '';
}

/** The object's age as `5d3h`; `<unknown>` before it has a creation time. */
export function objectAge(object: KubeObject, nowMs: number): string {
  return ageOf(object.metadata?.creationTimestamp, nowMs);
}

/** `k=v` joined by comma, sorted by key; `<none>` when there are none. */
export function labelsText(labels: Readonly<Record<string, string>> | null | undefined): string {
  const pairs = Object.entries(labels ?? {}).map(([key, value]) => `${key}=${value}`);
  return orNone(pairs.sort().join(','));
}

export function orNone(text: string | null | undefined): string {
  return text === null || text === undefined || text === '' ? NONE : text;
}

/** Names and images of a pod template's containers, as two cells. */
export function containersText(
  containers: readonly { name: string; image?: string | undefined }[] | null | undefined,
): [string, string] {
  const list = containers ?? [];
  return [list.map(({ name }) => name).join(','), list.map(({ image }) => image ?? '').join(',')];
}

/** `a,b,c + 2 more...`: at most `max` items, then how many follow. */
export function firstFew(items: readonly string[], max: number): string {
  const shown = items.slice(0, max).join(',');
  return items.length > max ? `${shown} + ${items.length - max} more...` : shown;
}
