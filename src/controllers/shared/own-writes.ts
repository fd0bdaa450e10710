/**
 * Our own writes, until the watch has told of them: a plan made from the cache alone would undo or repeat them.
 * Relies on resourceVersions being one increasing decimal.
 */
import { type KubeObject, keyOf } from '#api/machinery/object.ts';

interface Write<T> {
  /** Undefined: deleted. */
  object: T | undefined;
  uid: string | undefined;
  revision: bigint;
  atMs: number;
}

/**
 * A write that the watch has not told of for so long it never will: it came before the answer to the write did, or a
 * new list left it out.
 */
const EXPIRY_MS = 120_000;

export class OwnWrites<T extends KubeObject> {
  /** The oldest first. */
  readonly #writes = new Map<string, Write<T>>();
  readonly #nowMs: () => number;

  constructor(nowMs: () => number = Date.now) {
    this.#nowMs = nowMs;
  }

  wrote(object: T): void {
    this.#keep(object, object);
  }

  deleted(object: T): void {
    this.#keep(object, undefined);
  }

  /** The watch tells of an object; true when it is news, false when it is what we wrote, or older. */
  observe(object: T): boolean {
    const write = this.#writes.get(keyOf(object));
    if (write === undefined) return true;
    const revision = revisionOf(object);
    if (write.object === undefined) {
      // Until the deletion arrives, states of the deleted object are old news.
      if (write.uid === object.metadata?.uid) return false;
      this.#writes.delete(keyOf(object));
      return true;
    }
    if (revision < write.revision) return false;
    this.#writes.delete(keyOf(object));
    return revision > write.revision;
  }

  /** The watch tells that the object is gone; true when that is news. */
  observeGone(object: T): boolean {
    const write = this.#writes.get(keyOf(object));
    if (write?.uid !== object.metadata?.uid) return true;
    this.#writes.delete(keyOf(object));
    return write?.object !== undefined;
  }

  /** The cached objects as they are after our writes. `belongs` picks among the written ones. */
  apply(cached: readonly T[], belongs: (object: T) => boolean): T[] {
    this.#dropExpired();
    const current: T[] = [];
    const seen = new Set<string>();
    for (const object of cached) {
      const key = keyOf(object);
      seen.add(key);
      const write = this.#writes.get(key);
      const stale =
        write !== undefined && write.uid === object.metadata?.uid && revisionOf(object) <= write.revision;
      const now = stale ? write.object : object;
      if (now !== undefined) current.push(now);
    }
    for (const [key, { object }] of this.#writes) {
      if (object !== undefined && !seen.has(key) && belongs(object)) current.push(object);
    }
    return current;
  }

  #keep(written: T, object: T | undefined): void {
    const key = keyOf(written);
    const { uid } = written.metadata ?? {};
    this.#writes.delete(key);
    this.#writes.set(key, { object, uid, revision: revisionOf(written), atMs: this.#nowMs() });
  }

  #dropExpired(): void {
    const before = this.#nowMs() - EXPIRY_MS;
    for (const [key, { atMs }] of this.#writes) {
      if (atMs >= before) return;
      this.#writes.delete(key);
    }
  }
}

function revisionOf(object: KubeObject): bigint {
  return BigInt(object.metadata?.resourceVersion || 0);
}
