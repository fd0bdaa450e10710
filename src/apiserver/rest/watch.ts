import { expired } from '#api/machinery/status-error.ts';
import type { Entry } from '#apiserver/cache/entry.ts';
import { type CacheEvent, type EventType, ExpiredError } from '#apiserver/cache/resource-cache.ts';
import type { RestContext } from './context.ts';
import { type WatchOptions, watchOptions } from './list-options.ts';
import { reach } from './reach.ts';
import { eventObject, isPlain, type Representation, representation } from './representation.ts';
import { warn } from './respond.ts';
import { type Selection, selection } from './selection.ts';
import { WatchStream } from './watch-stream.ts';

/** How often a watch that asks for bookmarks is told where it stands. */
const BOOKMARK_MS = 60_000;

/** A watch: sends what is there or what was missed, then every change, until its time is over or the client leaves. */
export async function watch(context: RestContext): Promise<void> {
  const { served, info, target, response, engine } = context;
  const how = watchRepresentation(context);
  const options = watchOptions(info.query);
  const chosen = selection(served, target.namespace, options, target.name);
  for (const text of context.warnings) warn(response, text);
  // An initial state must not be older than the client has seen.
  if (options.sendInitialEvents === true) await reach(context, options.revision ?? 0);
  const stream = new WatchStream(response);
  const sender = new Sender(stream, how, chosen);
  const cache = engine.cache.resource(served.storedAs);
  try {
    // No await from here to the subscription: nothing is missed in between.
    if (startsWithState(options)) for (const entry of cache.list(chosen.namespace)) sender.initial(entry);
    else if (options.revision) for (const event of cache.eventsAfter(options.revision)) sender.change(event);
  } catch (error) {
    if (!(error instanceof ExpiredError)) throw error;
    stream.error(expired(error.message));
    return;
  }
  if (options.sendInitialEvents === true && options.bookmarks) sender.bookmark(engine.cache.revision, true);
  const whileOpen = new DisposableStack();
  stream.limitFromNow();
  whileOpen.use(
    cache.onEvent((event) => {
      try {
        sender.change(event);
      } catch (error) {
        // Thrown on, it would end the server; so it ends this watch only.
        stream.error(error);
      }
    }),
  );
  const bookmark = (): void => sender.bookmark(engine.cache.revision, false);
  if (options.bookmarks) whileOpen.use(repeat(BOOKMARK_MS, bookmark));
  await over(response, options.timeoutMs, context.signal);
  whileOpen.dispose();
  if (options.bookmarks) bookmark();
  stream.end();
}

/** Watches are only sent as JSON; protobuf clients accept that too. */
function watchRepresentation({ request, served, info }: RestContext): Representation {
  const how = representation(request.headers.accept, served, info.query);
  return { ...how, format: { ...how.format, mediaType: 'application/json' } };
}

function startsWithState({ sendInitialEvents, revision }: WatchOptions): boolean {
  return sendInitialEvents ?? (revision === undefined || revision === 0);
}

function repeat(everyMs: number, action: () => void): Disposable {
  const timer = setInterval(action, everyMs);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

/** Resolves when the time is over, the client has left, or the server closes. */
async function over(
  response: RestContext['response'],
  timeoutMs: number,
  signal: AbortSignal,
): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const end = (): void => resolve();
  const timer = setTimeout(end, timeoutMs);
  response.once('close', end);
  signal.addEventListener('abort', end);
  if (response.destroyed || signal.aborted) end();
  await promise;
  clearTimeout(timer);
  response.off('close', end);
  signal.removeEventListener('abort', end);
}

/** Turns changes of a resource into the events of one watch. */
class Sender {
  readonly #stream: WatchStream;
  readonly #how: Representation;
  readonly #chosen: Selection;
  readonly #prefix: string;
  #first = true;

  constructor(stream: WatchStream, how: Representation, chosen: Selection) {
    this.#stream = stream;
    this.#how = how;
    this.#chosen = chosen;
    this.#prefix = chosen.namespace === undefined ? '' : `${chosen.namespace}/`;
  }

  initial(entry: Entry): void {
    if (this.#chosen.matches(entry)) this.#send('ADDED', entry);
  }

  /** An object that begins to match is added, one that no longer does is deleted. */
  change({ type, entry, previous, revision }: CacheEvent): void {
    if (!entry.key.startsWith(this.#prefix)) return;
    const { matches } = this.#chosen;
    const now = type !== 'DELETED' && matches(entry);
    const before = previous !== undefined && matches(previous);
    if (now) this.#send(before ? 'MODIFIED' : 'ADDED', entry);
    else if (before) this.#send('DELETED', type === 'DELETED' ? entry : previous.at(revision));
  }

  /** An event that says only which version the watch has reached. */
  bookmark(revision: number, endsInitialEvents: boolean): void {
    const { kind } = this.#how.served;
    const annotations = endsInitialEvents ? { 'k8s.io/initial-events-end': 'true' } : undefined;
    const object = {
      kind: kind.kind,
      apiVersion: kind.apiVersion,
      metadata: { resourceVersion: String(revision), annotations },
    };
    this.#stream.event('BOOKMARK', Buffer.from(JSON.stringify(object)));
  }

  #send(type: EventType, entry: Entry): void {
    if (isPlain(this.#how)) {
      this.#stream.event(type, entry.bytes);
      return;
    }
    this.#stream.event(type, Buffer.from(JSON.stringify(eventObject(entry, this.#how, this.#first))));
    this.#first = false;
  }
}
