/**
 * What a controller has asked for and not yet seen in its cache. Until it has, it must not count again: it would
 * create the same pods twice.
 */

interface Expected {
  creations: number;
  /** uids of objects whose deletion was asked for. */
  deletions: Set<string>;
  sinceMs: number;
}

/** An expectation so old was missed somehow; work goes on. */
const EXPIRY_MS = 300_000;

export class Expectations {
  readonly #expected = new Map<string, Expected>();
  readonly #nowMs: () => number;

  constructor(nowMs: () => number = Date.now) {
    this.#nowMs = nowMs;
  }

  /** Whether everything asked for on behalf of `key` has been seen. */
  satisfied(key: string): boolean {
    const expected = this.#expected.get(key);
    if (expected === undefined) return true;
    const seen = expected.creations <= 0 && expected.deletions.size === 0;
    return seen || this.#nowMs() - expected.sinceMs > EXPIRY_MS;
  }

  expectCreations(key: string, count: number): void {
    this.#expected.set(key, { creations: count, deletions: new Set(), sinceMs: this.#nowMs() });
  }

  expectDeletions(key: string, uids: Iterable<string>): void {
    this.#expected.set(key, { creations: 0, deletions: new Set(uids), sinceMs: this.#nowMs() });
  }

  /** One object was seen, or its creation failed and will never be. */
  creationObserved(key: string, count = 1): void {
    const expected = this.#expected.get(key);
    if (expected !== undefined) expected.creations -= count;
  }

  deletionObserved(key: string, uid: string): void {
    this.#expected.get(key)?.deletions.delete(uid);
  }

  forget(key: string): void {
    this.#expected.delete(key);
  }
}
