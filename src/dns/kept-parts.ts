interface Kept {
  readonly part: Promise<AsyncDisposable>;
  users: number;
}

/**
 * What configurations have in common and hand on to their successors: made for the first that wants it, ended with the
 * last that has it.
 */
export class KeptParts {
  readonly #parts = new Map<string, Kept>();

  /** The part of this key, which ends with the stack unless somebody else has it. Rejects when it cannot be made. */
  async take<T extends AsyncDisposable>(
    key: string,
    stack: AsyncDisposableStack,
    make: () => Promise<T>,
  ): Promise<T> {
    let kept = this.#parts.get(key);
    if (kept === undefined) this.#parts.set(key, (kept = { part: make(), users: 0 }));
    kept.users++;
    stack.defer(() => this.#release(key, kept));
    // Whoever takes the same key makes the same kind of part.
    return (await kept.part) as T;
  }

  async #release(key: string, kept: Kept): Promise<void> {
    if (--kept.users > 0) return;
    this.#parts.delete(key);
    const part = await kept.part.catch(() => undefined);
    await part?.[Symbol.asyncDispose]();
  }
}
