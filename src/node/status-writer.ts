/** Writes pods' statuses: what changed meanwhile goes in one patch, few at a time, repeated until it is there. */
import type { Pod } from '#api/core/v1.gen.ts';
import { formatTime } from '#api/machinery/time.ts';
import type { ApiClient } from '#kube/client.ts';
import { isConflict, isInvalid, isNotFound, pause } from '#kube/errors.ts';
import { PODS } from '#kube/resources.ts';
import { type PodSnapshot, planPodStatus } from './plan-pod-status.ts';
import { planStatusPatch } from './plan-status-patch.ts';

/** What the writer needs of a pod. */
export interface StatusSource {
  /** The newest version of the object that is known. */
  pod: Pod;
  readonly uid: string;
  snapshot(): PodSnapshot;
}

export interface StatusWriterOptions {
  client: ApiClient;
  signal: AbortSignal;
  onError?: ((error: Error) => void) | undefined;
}

const CONCURRENCY = 16;
/** A container that starts goes through several states within milliseconds: one patch tells the last. */
const COLLECT_MS = 5;
const RETRY_MS = 500;

export class StatusWriter {
  readonly #options: StatusWriterOptions;
  readonly #dirty = new Map<string, StatusSource>();
  /** One write per pod at a time. */
  readonly #writing = new Map<string, Promise<void>>();
  #collecting = false;

  constructor(options: StatusWriterOptions) {
    this.#options = options;
  }

  /** The pod's status may have changed. */
  changed(source: StatusSource): void {
    this.#dirty.set(source.uid, source);
    if (this.#collecting) return;
    this.#collecting = true;
    setTimeout(() => {
      this.#collecting = false;
      this.#fill();
    }, COLLECT_MS);
  }

  /** Resolves when what is known of the pod now has been written (or its object is gone). */
  async flush(source: StatusSource): Promise<void> {
    await this.#writing.get(source.uid);
    this.#dirty.delete(source.uid);
    await this.#write(source);
  }

  #fill(): void {
    for (const [uid, source] of this.#dirty) {
      if (this.#writing.size >= CONCURRENCY) return;
      if (this.#writing.has(uid)) continue;
      this.#dirty.delete(uid);
      const done = this.#write(source).finally(() => {
        this.#writing.delete(uid);
        this.#fill();
      });
      this.#writing.set(uid, done);
    }
  }

  async #write(source: StatusSource): Promise<void> {
    const { client, signal, onError } = this.#options;
    while (!signal.aborted) {
      const { pod } = source;
      const patch = planStatusPatch(pod, planPodStatus(pod, source.snapshot(), formatTime(Date.now())));
      if (patch === null) return;
      const { namespace, name = '' } = pod.metadata ?? {};
      try {
        const written = await client.patch(PODS, { namespace, name }, patch, {
          type: 'strategic',
          subresource: 'status',
          signal,
        });
        if (isNewer(written, source.pod)) source.pod = written;
        return;
      } catch (error) {
        if (signal.aborted || isNotFound(error) || isConflict(error)) return;
        onError?.(error as Error);
        if (isInvalid(error)) return;
        await pause(RETRY_MS, signal).catch(() => undefined);
      }
    }
  }
}

/** Versions are decimal numbers; an answer may arrive after a newer event. */
export function isNewer(one: Pod, other: Pod): boolean {
  return BigInt(one.metadata?.resourceVersion ?? 0) > BigInt(other.metadata?.resourceVersion ?? 0);
}
