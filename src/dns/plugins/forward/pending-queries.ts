import { randomInt } from 'node:crypto';
import { NoAnswerError } from './error-text.ts';
import { answersQuery, withId } from './exchange.ts';

/** Half of all IDs: a free one is soon found. */
const MAX_PENDING = 0x8000;

interface Pending {
  readonly query: Buffer;
  readonly resolve: (response: Buffer) => void;
  readonly reject: (error: Error) => void;
  readonly timer: NodeJS.Timeout;
}

/** Queries under way on one connection or socket, by the ID that they travel with. */
export class PendingQueries {
  readonly #pending = new Map<number, Pending>();
  readonly #onIdle: () => void;

  constructor(onIdle: () => void) {
    this.#onIdle = onIdle;
  }

  get size(): number {
    return this.#pending.size;
  }

  /** Chooses an ID, hands the message with it to `send`, and waits. Rejects at once when too many wait. */
  ask(query: Buffer, timeoutMs: number, send: (message: Buffer, id: number) => void): Promise<Buffer> {
    if (this.size >= MAX_PENDING) return Promise.reject(new Error('too many queries wait for their answers'));
    const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
    const id = this.#freeId();
    const timer = setTimeout(() => this.fail(id, new NoAnswerError(timeoutMs)), timeoutMs);
    this.#pending.set(id, { query, resolve, reject, timer });
    send(withId(query, id), id);
    return promise;
  }

  /** Takes a response; false when nobody waits for it. */
  receive(response: Buffer): boolean {
    const id = response.length < 2 ? -1 : response.readUInt16BE(0);
    const pending = this.#pending.get(id);
    if (pending === undefined || !answersQuery(response, pending.query)) return false;
    pending.resolve(withId(response, pending.query.readUInt16BE(0)));
    this.#forget(id, pending);
    return true;
  }

  fail(id: number, error: Error): void {
    const pending = this.#pending.get(id);
    if (pending === undefined) return;
    pending.reject(error);
    this.#forget(id, pending);
  }

  failAll(error: Error): void {
    for (const id of this.#pending.keys()) this.fail(id, error);
  }

  #forget(id: number, { timer }: Pending): void {
    clearTimeout(timer);
    this.#pending.delete(id);
    if (this.#pending.size === 0) this.#onIdle();
  }

  #freeId(): number {
    for (;;) {
      const id = randomInt(0x10000);
      if (!this.#pending.has(id)) return id;
    }
  }
}
