/** Does the same thing many times, in growing batches, so that a fault shows after one call and not after hundreds. */

/** Calls `action` up to `count` times: 1, 2, 4, … at a time. Stops after a batch with a failure. */
export async function slowStart(
  count: number,
  action: (index: number) => Promise<unknown>,
): Promise<{ succeeded: number; error: unknown }> {
  let succeeded = 0;
  for (let started = 0, batch = 1; started < count; batch *= 2) {
    const size = Math.min(batch, count - started);
    const calls = Array.from({ length: size }, (_, index) => action(started + index));
    const results = await Promise.allSettled(calls);
    const failed = results.find((result) => result.status === 'rejected');
    succeeded += results.filter((result) => result.status === 'fulfilled').length;
    if (failed !== undefined) return { succeeded, error: failed.reason };
    started += size;
  }
  return { succeeded, error: undefined };
}
