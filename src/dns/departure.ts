import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';

/** A client that asked this lately may ask again: its proxy does not know yet that the server goes. */
const QUIET_MS = 1000;
const LOOK_MS = 100;
const ANSWER_LOOK_MS = 5;
/** Longer than `forward` asks for one query. */
const MAX_ANSWER_MS = 6000;

/**
 * Stays while `stopping` is under way (lameduck), then until no query has come for a second, at most as long again.
 * So the proxies say when the server may go: nobody asks it any more. `queries` counts them. Without lameduck nobody waits.
 */
export async function untilUnasked(stopping: Promise<unknown>, queries: () => number): Promise<void> {
  const startedMs = performance.now();
  let count = queries();
  let askedMs = Number.NEGATIVE_INFINITY;
  const look = (): void => {
    if (queries() !== count) askedMs = performance.now();
    count = queries();
  };
  const looking = setInterval(look, LOOK_MS);
  try {
    await stopping;
    const lameduckMs = performance.now() - startedMs;
    if (lameduckMs < LOOK_MS) return;
    look();
    const endMs = startedMs + 2 * lameduckMs;
    while (performance.now() < Math.min(askedMs + QUIET_MS, endMs)) await sleep(LOOK_MS);
  } finally {
    clearInterval(looking);
  }
}

/** Stays until the queries that have come by now are answered: those in sockets, and those that others are asked about. */
export async function untilAnswered(running: () => readonly object[]): Promise<void> {
  // Sockets are read between turns.
  for (let turns = 0; turns < 2; turns++) await turn();
  const endMs = performance.now() + MAX_ANSWER_MS;
  for (let left = running(); left.length > 0 && performance.now() < endMs; ) {
    await sleep(ANSWER_LOOK_MS);
    const still = new Set(running());
    left = left.filter((query) => still.has(query));
  }
}
