import type { StorageEvent } from './storage.ts';

/** The live watchers of a storage. */
export class Watchers {
  readonly #handlers = new Set<(events: readonly StorageEvent[]) => void>();

  add(handler: (events: readonly StorageEvent[]) => void): Disposable {
    this.#handlers.add(handler);
    return { [Symbol.dispose]: () => void this.#handlers.delete(handler) };
  }

  notify(events: readonly StorageEvent[]): void {
    if (events.length === 0) return;
    for (const handler of this.#handlers) handler(events);
  }

  clear(): void {
    this.#handlers.clear();
  }
}
