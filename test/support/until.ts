import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';

const PATIENCE_MS = 30_000;
const PAUSE_MS = 20;

/** Asks until the answer satisfies, and returns it; fails with the last answer after half a minute. */
export async function until<T>(
  what: string,
  ask: () => Promise<T>,
  satisfied: (answer: T) => boolean,
): Promise<T> {
  const endMs = Date.now() + PATIENCE_MS;
  for (;;) {
    const answer = await ask();
    if (satisfied(answer)) return answer;
    if (Date.now() > endMs) assert.fail(`${what}: ${JSON.stringify(answer)}`);
    await sleep(PAUSE_MS);
  }
}
