/** A set of strings that is put in order when it is read: bursts of changes cost one sort. */
export class SortedKeys {
  #keys: string[] = [];
  readonly #deleted = new Set<string>();
  #sorted = true;

  /** `key` must not be in the set. */
  add(key: string): void {
    if (this.#deleted.delete(key)) return;
    const last = this.#keys.at(-1);
    if (last !== undefined && last > key) this.#sorted = false;
    this.#keys.push(key);
  }

  /** `key` must be in the set. */
  delete(key: string): void {
    this.#deleted.add(key);
  }

  /** The keys that begin with `prefix`, in order. */
  withPrefix(prefix: string): string[] {
    this.#settle();
    if (prefix === '') return this.#keys;
    return this.#keys.slice(this.#indexOf(prefix), this.#indexOf(`${prefix}\u{10ffff}`));
  }

  #settle(): void {
    if (this.#deleted.size > 0) {
      this.#keys = this.#keys.filter((key) => !this.#deleted.has(key));
      this.#deleted.clear();
    }
    if (this.#sorted) return;
    this.#keys = this.#keys.toSorted((a, b) => (a < b ? -1 : 1));
    this.#sorted = true;
  }

  /** The place of the first key that is not less than `text`. */
  #indexOf(text: string): number {
    let low = 0;
    let high = this.#keys.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#keys[middle] ?? '') < text) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
