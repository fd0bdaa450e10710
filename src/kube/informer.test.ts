import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ConfigMap } from '#api/core/v1.gen.ts';
import type { ApiClient, ListOptions, TypedWatchEvent, WatchOptions } from './client.ts';
import { StatusError } from './errors.ts';
import { startInformer } from './informer.ts';
import { CONFIG_MAPS } from './resources.ts';

const map = (name: string, resourceVersion: string, uid = name): ConfigMap => ({
  metadata: { namespace: 'n', name, resourceVersion, uid },
  data: { big: 'text' },
});

interface Watching {
  resourceVersion: string | undefined;
  sendInitialEvents: boolean | undefined;
  send: (event: TypedWatchEvent<ConfigMap>) => void;
  end: () => void;
  fail: (error: Error) => void;
}

/** What the reflector uses of a client, answered by the test. */
class ScriptedServer {
  lists: ConfigMap[][] = [];
  listed: (string | undefined)[] = [];
  readonly #waiting: ((watching: Watching) => void)[] = [];
  readonly #opened: Watching[] = [];

  list(_kind: unknown, options: ListOptions) {
    this.listed.push(options.resourceVersion);
    const items = this.lists.shift() ?? [];
    return Promise.resolve({ items, resourceVersion: `${100 * this.listed.length}` });
  }

  watch(_kind: unknown, options: WatchOptions, send: Watching['send']) {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    options.onOpen?.();
    const { resourceVersion, sendInitialEvents } = options;
    const watching = { resourceVersion, sendInitialEvents, send, end: resolve, fail: reject };
    const waiting = this.#waiting.shift();
    if (waiting) waiting(watching);
    else this.#opened.push(watching);
    return promise;
  }

  /** The next watch that the reflector opens. */
  opened(): Promise<Watching> {
    const watching = this.#opened.shift();
    if (watching) return Promise.resolve(watching);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}

function start(lists: ConfigMap[][], { streaming }: { streaming?: boolean } = {}) {
  const server = new ScriptedServer();
  server.lists = lists;
  const stop = new AbortController();
  const log: string[] = [];
  const informer = startInformer(server as unknown as ApiClient, CONFIG_MAPS, {
    signal: stop.signal,
    streaming,
    transform: (object) => ({ metadata: object.metadata }),
  });
  informer.onChange({
    onAdd: (object) => log.push(`+${object.metadata?.name}`),
    onUpdate: (object, old) =>
      log.push(`${old.metadata?.resourceVersion}>${object.metadata?.resourceVersion}`),
    onDelete: (object) => log.push(`-${object.metadata?.name}`),
  });
  return { server, stop, log, informer };
}

test('an informer lists, then follows the watch, trimmed as asked', async () => {
  const { server, stop, log, informer } = start([[map('a', '1')]]);
  await informer.synced;
  const watch = await server.opened();
  assert.equal(watch.resourceVersion, '100');
  watch.send({ type: 'ADDED', object: map('b', '101') });
  watch.send({ type: 'MODIFIED', object: map('a', '102') });
  watch.send({ type: 'DELETED', object: map('b', '103') });
  assert.deepEqual(log, ['+a', '+b', '1>102', '-b']);
  assert.deepEqual(informer.store.list(), [{ metadata: map('a', '102').metadata }]);
  stop.abort();
});

test('an informer goes on from the last bookmark when the watch ends', async () => {
  const { server, stop } = start([[]]);
  const first = await server.opened();
  first.send({ type: 'BOOKMARK', object: { metadata: { resourceVersion: '150' } } });
  first.end();
  assert.equal((await server.opened()).resourceVersion, '150');
  assert.equal(server.listed.length, 1);
  stop.abort();
});

test('an informer lists again when its version is too old, and tells what changed meanwhile', async () => {
  const { server, stop, log } = start([
    [map('a', '1'), map('b', '2'), map('c', '3')],
    [map('a', '1'), map('b', '9'), map('c', '8', 'another'), map('d', '7')],
  ]);
  const first = await server.opened();
  log.length = 0;
  first.fail(new StatusError({ code: 410, reason: 'Expired', message: 'too old' }));
  assert.equal((await server.opened()).resourceVersion, '200');
  assert.deepEqual(log, ['2>9', '-c', '+c', '+d']);
  stop.abort();
});

test('`onChange()` tells of the objects that are there already', async () => {
  const { stop, informer } = start([[map('a', '1')]]);
  await informer.synced;
  const late: string[] = [];
  const unsubscribe = informer.onChange({ onAdd: (object) => late.push(object.metadata?.name ?? '') });
  assert.deepEqual(late, ['a']);
  unsubscribe();
  stop.abort();
});

test('`synced` rejects when the signal fires before the first list', async () => {
  const server = new ScriptedServer();
  server.list = () => new Promise(() => undefined);
  const stop = new AbortController();
  const informer = startInformer(server as unknown as ApiClient, CONFIG_MAPS, { signal: stop.signal });
  stop.abort(new Error('stopped'));
  await assert.rejects(informer.synced, /stopped/);
  assert.equal(informer.hasSynced, false);
});

/** The bookmark behind the first objects of a streaming list. */
const initialEnd = (resourceVersion: string): TypedWatchEvent<ConfigMap> => ({
  type: 'BOOKMARK',
  object: { metadata: { resourceVersion, annotations: { 'k8s.io/initial-events-end': 'true' } } },
});

test('with `streaming` the first objects come through the watch, also after a version that is too old', async () => {
  const { server, stop, log, informer } = start([], { streaming: true });
  const first = await server.opened();
  assert.equal(first.sendInitialEvents, true);
  first.send({ type: 'ADDED', object: map('a', '1') });
  first.send({ type: 'ADDED', object: map('b', '2') });
  assert.equal(informer.hasSynced, false);
  first.send(initialEnd('5'));
  await informer.synced;
  first.send({ type: 'MODIFIED', object: map('b', '6') });
  first.fail(new StatusError({ code: 410, reason: 'Expired', message: 'too old' }));
  const second = await server.opened();
  assert.deepEqual([second.sendInitialEvents, second.resourceVersion], [true, undefined]);
  second.send({ type: 'ADDED', object: map('b', '6') });
  second.send({ type: 'ADDED', object: map('c', '7') });
  second.send(initialEnd('8'));
  assert.deepEqual(log, ['+a', '+b', '2>6', '+c', '-a']);
  assert.deepEqual(server.listed, []);
  second.end();
  assert.equal((await server.opened()).resourceVersion, '8');
  stop.abort();
});

test('with `streaming` a server that cannot do it is asked for a list', async () => {
  const { server, stop, log, informer } = start([[map('a', '1')]], { streaming: true });
  (await server.opened()).fail(new StatusError({ code: 422, reason: 'Invalid', message: 'forbidden' }));
  await informer.synced;
  assert.deepEqual(log, ['+a']);
  const watching = await server.opened();
  assert.deepEqual([watching.sendInitialEvents, watching.resourceVersion], [undefined, '100']);
  stop.abort();
});
