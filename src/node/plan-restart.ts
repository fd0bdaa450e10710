import type { Container, Pod } from '#api/core/v1.gen.ts';

const FIRST_BACKOFF_MS = 10_000;
const MAX_BACKOFF_MS = 300_000;
/** A container that ran for so long starts afresh. */
const BACKOFF_RESET_MS = 600_000;

export type RestartPolicy = 'Always' | 'OnFailure' | 'Never';

/** A container's own policy (sidecars: Always) or the pod's. */
export function restartPolicyOf(pod: Pod, container: Container, isInit: boolean): RestartPolicy {
  if (container.restartPolicy !== undefined) return container.restartPolicy as RestartPolicy;
  const policy = (pod.spec?.restartPolicy ?? 'Always') as RestartPolicy;
  // A plain init container that succeeded is done, whatever the pod's policy is.
  return isInit && policy === 'Always' ? 'OnFailure' : policy;
}

export function shouldRestart(policy: RestartPolicy, exitCode: number): boolean {
  return policy === 'Always' || (policy === 'OnFailure' && exitCode !== 0);
}

/** How long a container waits before it is started again: not at all the first time, then 10 s doubling to 5 min. */
export class RestartBackoff {
  #delayMs = 0;
  #lastFinishedMs = Number.NEGATIVE_INFINITY;

  /** Call it when the container has ended; returns the wait in ms from that moment. */
  next(startedMs: number, finishedMs: number): number {
    const quietMs = finishedMs - Math.max(startedMs, this.#lastFinishedMs);
    this.#lastFinishedMs = finishedMs;
    if (this.#delayMs > 0 && quietMs > BACKOFF_RESET_MS) this.#delayMs = 0;
    const wait = this.#delayMs;
    this.#delayMs = wait === 0 ? FIRST_BACKOFF_MS : Math.min(wait * 2, MAX_BACKOFF_MS);
    return wait;
  }
}

/** `10s`, `1m20s`: as the message of CrashLoopBackOff has it. */
export function formatBackoff(ms: number): string {
  const seconds = Math.round(ms / 1000);
  return seconds < 60 ? `${seconds}s` : `${Math.floor(seconds / 60)}m${seconds % 60}s`;
}
