import type { PlannedElement } from './plan-service-elements.ts';

/** Elements to take out of the kernel and to put into it, in this order. */
export interface ElementChanges {
  readonly remove: readonly PlannedElement[];
  readonly add: readonly PlannedElement[];
}

/**
 * Every element of the table with the Services that want it. Two may want the same (an external IP given
 * to both, an endpoint that serves both): the one whose name sorts first has it, the other one next.
 */
export class ElementTable {
  readonly #single = new Map<string, { owner: string; element: PlannedElement }>();
  /** Only elements wanted more than once. */
  readonly #contested = new Map<string, Map<string, PlannedElement>>();

  get size(): number {
    return this.#single.size;
  }

  /** What the kernel should hold. */
  *elements(): Iterable<[key: string, element: PlannedElement]> {
    for (const [key, { element }] of this.#single) yield [key, element];
  }

  /** Replaces all that one Service wants. */
  replace(
    owner: string,
    old: ReadonlyMap<string, PlannedElement>,
    next: ReadonlyMap<string, PlannedElement>,
  ): ElementChanges {
    const remove: PlannedElement[] = [];
    const add: PlannedElement[] = [];
    const note = (before: PlannedElement | undefined, after: PlannedElement | undefined): void => {
      if (before !== undefined && after !== undefined && sameData(before, after)) return;
      if (before !== undefined) remove.push(before);
      if (after !== undefined) add.push(after);
    };
    for (const key of old.keys()) {
      if (!next.has(key)) note(this.#single.get(key)?.element, this.#withdraw(owner, key));
    }
    for (const [key, element] of next) note(this.#single.get(key)?.element, this.#claim(owner, key, element));
    return { remove, add };
  }

  /** Returns who has the element then. */
  #claim(owner: string, key: string, element: PlannedElement): PlannedElement {
    const holder = this.#single.get(key);
    if (holder === undefined || (holder.owner === owner && !this.#contested.has(key))) {
      this.#single.set(key, { owner, element });
      return element;
    }
    const claims = this.#contested.get(key) ?? new Map([[holder.owner, holder.element]]);
    claims.set(owner, element);
    this.#contested.set(key, claims);
    return this.#settle(key, claims);
  }

  #withdraw(owner: string, key: string): PlannedElement | undefined {
    const claims = this.#contested.get(key);
    if (claims === undefined) {
      if (this.#single.get(key)?.owner === owner) this.#single.delete(key);
      return this.#single.get(key)?.element;
    }
    claims.delete(owner);
    const element = this.#settle(key, claims);
    if (claims.size === 1) this.#contested.delete(key);
    return element;
  }

  #settle(key: string, claims: ReadonlyMap<string, PlannedElement>): PlannedElement {
    const [first = ''] = [...claims.keys()].toSorted();
    const element = claims.get(first) as PlannedElement;
    this.#single.set(key, { owner: first, element });
    return element;
  }
}

function sameData({ data: a }: PlannedElement, { data: b }: PlannedElement): boolean {
  return a === b || dataText(a) === dataText(b);
}

export function dataText(data: PlannedElement['data']): string {
  if (data === undefined || typeof data === 'string') return data ?? '';
  if ('goto' in data) return `goto ${data.goto}`;
  return 'jump' in data ? `jump ${data.jump}` : data.join(' ');
}
