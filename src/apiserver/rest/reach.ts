import { setTimeout as sleep } from 'node:timers/promises';
import { StatusError, timeout } from '#api/machinery/status-error.ts';
import type { RestContext } from './context.ts';

/** How long a request waits for a resourceVersion of the future. */
const FUTURE_WAIT_MS = 3000;

/** Waits until the cache has reached a revision. Throws 504 when it does not. */
export async function reach(
  { engine, signal }: Pick<RestContext, 'engine' | 'signal'>,
  revision: number,
): Promise<void> {
  for (let waitedMs = 0; engine.cache.revision < revision; waitedMs += 50) {
    if (waitedMs >= FUTURE_WAIT_MS) throw tooLarge(revision, engine.cache.revision);
    await sleep(50, undefined, { signal });
  }
}

function tooLarge(revision: number, current: number): StatusError {
  const message = `Too large resource version: ${revision}, current: ${current}`;
  const { status } = timeout(message, 1);
  return new StatusError({
    ...status,
    details: {
      ...status.details,
      causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
    },
  });
}
