/** A node's events, at the pace that an API server can bear: a thousand pods make three thousand. */
import type { ObjectReference, Pod } from '#api/core/v1.gen.ts';
import type { EventRecorder } from '#kube/events.ts';
import { podReference } from './context.ts';

interface Pending {
  about: ObjectReference;
  type: 'Normal' | 'Warning';
  reason: string;
  message: string;
}

/** A burst of 100, then 100 a second. What does not fit the queue is dropped. */
const BURST = 100;
const INTERVAL_MS = 100;
const PER_INTERVAL = 10;
const MAX_PENDING = 4000;

export class EventQueue implements Disposable {
  readonly #recorder: Pick<EventRecorder, 'record'>;
  readonly #pending: Pending[] = [];
  #tokens = BURST;
  #timer: NodeJS.Timeout | undefined;

  constructor(recorder: Pick<EventRecorder, 'record'>) {
    this.#recorder = recorder;
  }

  record(pod: Pod, type: 'Normal' | 'Warning', reason: string, message: string, fieldPath?: string): void {
    if (this.#pending.length >= MAX_PENDING) return;
    this.#pending.push({ about: podReference(pod, fieldPath), type, reason, message });
    this.#drain();
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    this.#pending.length = 0;
  }

  #drain(): void {
    while (this.#tokens > 0) {
      const next = this.#pending.shift();
      if (next === undefined) break;
      this.#tokens--;
      this.#recorder.record(next.about, next.type, next.reason, next.message);
    }
    this.#timer ??= setInterval(() => this.#refill(), INTERVAL_MS);
  }

  #refill(): void {
    this.#tokens = Math.min(BURST, this.#tokens + PER_INTERVAL);
    this.#drain();
    if (this.#tokens < BURST) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
