/**
 * Gathers which keys changed between two syncs. A burst of changes of one key is one; `take()` hands them
 * over. Whether a change means anything is for the plan to tell: a plan equal to the last is dropped there.
 */
export class ChangeTracker {
  #changed = new Set<string>();
  readonly #onPending: () => void;

  /** `onPending`: the first change since the last `take()`. */
  constructor(onPending: () => void) {
    this.#onPending = onPending;
  }

  get pending(): number {
    return this.#changed.size;
  }

  add(key: string): void {
    this.#changed.add(key);
    if (this.#changed.size === 1) this.#onPending();
  }

  take(): ReadonlySet<string> {
    const taken = this.#changed;
    this.#changed = new Set();
    return taken;
  }

  /** After a sync that failed: they are still to be done. */
  giveBack(keys: Iterable<string>): void {
    for (const key of keys) this.#changed.add(key);
  }
}
