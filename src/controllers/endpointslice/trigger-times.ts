/** When the change happened that a write of endpoints is due to: what the latency of a change is measured from. */
import type { Pod, Service } from '#api/core/v1.gen.ts';
import { keyOf } from '#api/machinery/object.ts';
import { podCondition } from '#controllers/shared/pods.ts';

interface Seen {
  uid: string | undefined;
  pods: Map<string, number>;
}

export class TriggerTimes {
  readonly #seen = new Map<string, Seen>();

  /** The earliest moment that is new since the last call: the Service's creation, or a pod's turn of readiness. */
  next(service: Service, pods: readonly Pod[]): string | undefined {
    const key = keyOf(service);
    const { uid, creationTimestamp } = service.metadata ?? {};
    const before = this.#seen.get(key);
    const known = before?.uid === uid ? before : undefined;
    const times = new Map<string, number>();
    const fresh: number[] = [];
    if (known === undefined) fresh.push(Date.parse(creationTimestamp ?? ''));
    for (const pod of pods) {
      const turnedMs = Date.parse(podCondition(pod, 'Ready')?.lastTransitionTime ?? '');
      if (Number.isNaN(turnedMs)) continue;
      times.set(keyOf(pod), turnedMs);
      if (turnedMs > (known?.pods.get(keyOf(pod)) ?? 0)) fresh.push(turnedMs);
    }
    this.#seen.set(key, { uid, pods: times });
    const valid = fresh.filter((ms) => !Number.isNaN(ms));
    return valid.length === 0
      ? undefined
      : new Date(Math.min(...valid)).toISOString().replace(/\.?0*Z$/, 'Z');
  }

  forget(serviceKey: string): void {
    this.#seen.delete(serviceKey);
  }
}
