import type { PlannedElement } from './plan-service-elements.ts';

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

  get(key: string): PlannedElement | undefined {
    return this.#single.get(key)?.element;
  }

  /** Replaces all that one Service wants; puts what was there into `before`, unless it has it already. */
  replace(
    owner: string,
    old: ReadonlyMap<string, PlannedElement>,
    next: ReadonlyMap<string, PlannedElement>,
    before: Map<string, PlannedElement | undefined>,
  ): void {
    const touch = (key: string): void => {
      if (!before.has(key)) before.set(key, this.get(key));
    };
    for (const key of old.keys()) {
      if (next.has(key)) continue;
      touch(key);
      this.#withdraw(owner, key);
    }
    for (const [key, element] of next) {
      touch(key);
      this.#claim(owner, key, element);
    }
  }

  #claim(owner: string, key: string, element: PlannedElement): void {
    const holder = this.#single.get(key);
    if (holder === undefined || (holder.owner === owner && !this.#contested.has(key))) {
      this.#single.set(key, { owner, element });
      return;
    }
    const claims = this.#contested.get(key) ?? new Map([[holder.owner, holder.element]]);
    claims.set(owner, element);
    this.#contested.set(key, claims);
    this.#settle(key, claims);
  }

  #withdraw(owner: string, key: string): void {
    const claims = this.#contested.get(key);
    if (claims === undefined) {
      if (this.#single.get(key)?.owner === owner) this.#single.delete(key);
      return;
    }
    claims.delete(owner);
    this.#settle(key, claims);
    if (claims.size === 1) this.#contested.delete(key);
  }

  #settle(key: string, claims: ReadonlyMap<string, PlannedElement>): void {
    const [first = ''] = [...claims.keys()].toSorted();
    const element = claims.get(first) as PlannedElement;
    this.#single.set(key, { owner: first, element });
  }
}

export function sameData({ data: a }: PlannedElement, { data: b }: PlannedElement): boolean {
  return a === b || dataText(a) === dataText(b);
}

export function dataText(data: PlannedElement['data']): string {
  if (data === undefined || typeof data === 'string') return data ?? '';
  if ('goto' in data) return `goto ${data.goto}`;
  return 'jump' in data ? `jump ${data.jump}` : data.join(' ');
}
