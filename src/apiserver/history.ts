import type { Event } from '#api/core/v1.gen.ts';
import { WriteConflict } from '#apiserver/storage/storage.ts';
import type { Cache } from './cache/cache.ts';

/** For so long watches can go on where they stopped, and pages of a list stay consistent. As etcd behind upstream. */
const HISTORY_MS = 5 * 60_000;
const STEP_MS = 60_000;

/** Events are kept for an hour, as upstream. */
const EVENT_LIFETIME_MS = 60 * 60_000;

/** Keeps storage from growing: forgets old history and old Events, once a minute, until disposed. */
export function keepHistoryShort(cache: Cache, onError: (error: unknown) => void): Disposable {
  const marks: { revision: number; atMs: number }[] = [];
  const step = async (): Promise<void> => {
    const nowMs = Date.now();
    marks.push({ revision: cache.revision, atMs: nowMs });
    while (marks[0] !== undefined && nowMs - marks[0].atMs >= HISTORY_MS)
      await cache.forget(marks.shift()?.revision ?? 0);
    await deleteOldEvents(cache, nowMs);
  };
  const timer = setInterval(() => void step().catch(onError), STEP_MS);
  timer.unref();
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

async function deleteOldEvents(cache: Cache, nowMs: number): Promise<void> {
  for (const entry of cache.resource('events').list()) {
    const event: Event = entry.object as Event;
    const last =
      event.series?.lastObservedTime ??
      event.lastTimestamp ??
      event.eventTime ??
      event.metadata?.creationTimestamp;
    if (last === undefined || last === null || nowMs - Date.parse(last) < EVENT_LIFETIME_MS) continue;
    await cache
      .write({ resource: 'events', key: entry.key, stored: undefined, expectedRevision: entry.revision })
      .catch((error: unknown) => {
        if (!(error instanceof WriteConflict)) throw error;
      });
  }
}
