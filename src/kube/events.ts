/**
 * Records Events about objects. A repeated event counts up the one that is there; many similar ones (same object
 * and reason, other messages) are folded into one, so that a fault in a loop does not flood the server.
 */
import type { Event, ObjectReference } from '#api/core/v1.gen.ts';
import { type KubeObject, splitApiVersion } from '#api/machinery/object.ts';
import { formatTime } from '#api/machinery/time.ts';
import type { ApiClient } from './client.ts';
import { isNotFound } from './errors.ts';
import { apiVersionOf, EVENTS, type Resource } from './resources.ts';

export interface EventRecorderOptions {
  client: ApiClient;
  /** For example `deployment-controller`. */
  component: string;
  /** The node, where the component belongs to one. */
  host?: string | undefined;
  signal: AbortSignal;
  /** Told when an event could not be written; it is dropped then. */
  onError?: ((error: Error) => void) | undefined;
}

interface Known {
  /** Undefined while the event is being created. */
  name: string | undefined;
  namespace: string;
  count: number;
  lastMs: number;
  dirty: boolean;
}

/** From so many different messages on, events of one object and reason are folded. */
const FOLD_AFTER = 10;
const FOLD_WINDOW_MS = 600_000;
const KNOWN_EVENTS = 4096;
const WAITING_EVENTS = 10_000;
const CONCURRENT_WRITES = 2;
/** As the kubelet's defaults: so many at once, then so many per second. What comes faster waits. */
const BURST = 100;
const PER_SECOND = 50;
/** Repetitions are written together after so long. */
const COUNT_DELAY_MS = 1000;

/** A reference to an object as events and owners name it. */
export function referenceTo(resource: Resource, object: KubeObject): ObjectReference {
  const { namespace, name, uid, resourceVersion } = object.metadata ?? {};
  return { kind: resource.kind, apiVersion: apiVersionOf(resource), namespace, name, uid, resourceVersion };
}

export class EventRecorder {
  readonly #options: EventRecorderOptions;
  readonly #known = new Map<string, Known>();
  readonly #similar = new Map<string, { messages: Set<string>; sinceMs: number }>();
  readonly #writing = new Set<Promise<void>>();
  readonly #waiting: (() => Promise<void>)[] = [];
  #flush: NodeJS.Timeout | undefined;
  #tokens = BURST;
  #refilledMs = Date.now();
  #refill: NodeJS.Timeout | undefined;

  constructor(options: EventRecorderOptions) {
    this.#options = options;
    const stop = (): void => {
      clearTimeout(this.#flush);
      clearTimeout(this.#refill);
    };
    options.signal.addEventListener('abort', stop, { once: true });
  }

  /** Records that something happened to `about`. Never throws and never waits. */
  record(about: ObjectReference, type: 'Normal' | 'Warning', reason: string, message: string): void {
    if (this.#options.signal.aborted) return;
    const key = this.#correlate(
      [about.kind, about.namespace, about.name, about.uid, type, reason].join('/'),
      message,
    );
    const folded = key.folded ? `(combined from similar events): ${message}` : message;
    const known = this.#known.get(key.text);
    if (known !== undefined) {
      this.#known.delete(key.text);
      this.#known.set(key.text, known);
      known.count++;
      known.lastMs = Date.now();
      known.dirty = true;
      this.#flush ??= setTimeout(() => this.#writeCounts(), COUNT_DELAY_MS);
      return;
    }
    const namespace = about.namespace || 'default';
    const fresh: Known = { name: undefined, namespace, count: 1, lastMs: Date.now(), dirty: false };
    this.#remember(key.text, fresh);
    const forget = (): void => {
      if (this.#known.get(key.text) === fresh) this.#known.delete(key.text);
    };
    const create = async (): Promise<void> => {
      try {
        await this.#create(about, type, reason, folded.slice(0, 1024), fresh);
      } catch (error) {
        // Repetitions have nothing to count up: the next one is a new event.
        forget();
        throw error;
      }
    };
    if (!this.#enqueue(create)) forget();
  }

  /** Resolves when the writes under way are done; what waits for its turn, or for an event's creation, comes later. */
  async flush(): Promise<void> {
    this.#writeCounts();
    while (this.#writing.size > 0) await Promise.allSettled(this.#writing);
  }

  #correlate(subject: string, message: string): { text: string; folded: boolean } {
    let similar = this.#similar.get(subject);
    if (similar === undefined || Date.now() - similar.sinceMs > FOLD_WINDOW_MS) {
      similar = { messages: new Set(), sinceMs: Date.now() };
      this.#similar.set(subject, similar);
      dropOldest(this.#similar, KNOWN_EVENTS);
    }
    const folded = !similar.messages.has(message) && similar.messages.size >= FOLD_AFTER;
    if (!folded) similar.messages.add(message);
    return { text: folded ? subject : `${subject}/${message}`, folded };
  }

  #remember(key: string, known: Known): void {
    this.#known.set(key, known);
    dropOldest(this.#known, KNOWN_EVENTS);
  }

  /** False: too many wait already, it is dropped. */
  #enqueue(write: () => Promise<void>): boolean {
    const fits = this.#waiting.length < WAITING_EVENTS;
    if (fits) this.#waiting.push(write);
    this.#writeNext();
    return fits;
  }

  /** Few at a time: events must not crowd out the work they tell of. */
  #writeNext(): void {
    while (this.#writing.size < CONCURRENT_WRITES && this.#waiting.length > 0) {
      if (!this.#takeToken()) return;
      const write = this.#waiting.shift();
      if (write === undefined) return;
      const done = write()
        .catch((error: unknown) => {
          if (!this.#options.signal.aborted) this.#options.onError?.(error as Error);
        })
        .finally(() => {
          this.#writing.delete(done);
          this.#writeNext();
        });
      this.#writing.add(done);
    }
  }

  /** False: not now; writing goes on by itself when the next token is there. */
  #takeToken(): boolean {
    const nowMs = Date.now();
    this.#tokens = Math.min(BURST, this.#tokens + ((nowMs - this.#refilledMs) * PER_SECOND) / 1000);
    this.#refilledMs = nowMs;
    if (this.#tokens >= 1) {
      this.#tokens--;
      return true;
    }
    this.#refill ??= setTimeout(() => {
      this.#refill = undefined;
      if (!this.#options.signal.aborted) this.#writeNext();
    }, 1000 / PER_SECOND);
    return false;
  }

  async #create(
    about: ObjectReference,
    type: string,
    reason: string,
    message: string,
    known: Known,
  ): Promise<void> {
    const { client, component, host, signal } = this.#options;
    const now = formatTime(known.lastMs);
    known.dirty = false;
    const event: Event = {
      metadata: { name: eventName(about.name ?? ''), namespace: known.namespace },
      involvedObject: about,
      reason,
      message,
      type,
      count: known.count,
      firstTimestamp: now,
      lastTimestamp: now,
      source: { component, ...(host === undefined ? {} : { host }) },
      reportingComponent: component,
      ...(host === undefined ? {} : { reportingInstance: host }),
    };
    const created = await client.create(EVENTS, event, { signal });
    known.name = created.metadata.name;
  }

  #writeCounts(): void {
    clearTimeout(this.#flush);
    this.#flush = undefined;
    for (const [key, known] of this.#known) {
      if (!known.dirty) continue;
      if (known.name === undefined) {
        // Its creation is still to come.
        this.#flush ??= setTimeout(() => this.#writeCounts(), COUNT_DELAY_MS);
        continue;
      }
      known.dirty = false;
      const { name } = known;
      this.#enqueue(() => this.#count(key, known, name));
    }
  }

  async #count(key: string, known: Known, name: string): Promise<void> {
    const { client, signal } = this.#options;
    const patch = { count: known.count, lastTimestamp: formatTime(known.lastMs) };
    try {
      await client.patch(EVENTS, { namespace: known.namespace, name }, patch, { signal });
    } catch (error) {
      // It expired or was deleted: the next one is a new event.
      if (isNotFound(error)) this.#known.delete(key);
      else throw error;
    }
  }
}

let serial = 0;

/** Unique within the namespace: the object's name, the time and a counter in hexadecimal. */
function eventName(about: string): string {
  serial = (serial + 1) % 0x1000;
  const suffix = (Date.now() * 0x1000 + serial).toString(16);
  return `${about.slice(0, 230)}.${suffix}`;
}

function dropOldest<V>(map: Map<string, V>, limit: number): void {
  if (map.size <= limit) return;
  const oldest = map.keys().next().value;
  if (oldest !== undefined) map.delete(oldest);
}

/** The group and kind of an owner or reference, for comparing without its version. */
export function groupKindOf(reference: {
  apiVersion?: string | undefined;
  kind?: string | undefined;
}): string {
  return `${splitApiVersion(reference.apiVersion ?? '').group}/${reference.kind ?? ''}`;
}
