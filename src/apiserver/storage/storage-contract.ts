import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CompactedError, type Storage, type StorageEvent, WriteConflict } from './storage.ts';

const create = (key: string, value: string) => ({ key, value, expectedRevision: 0 });

/** What every storage promises. `open` gives an empty one. */
export function describeStorage(name: string, open: () => Storage): void {
  describe(name, () => {
    it('starts empty at revision 1', async () => {
      await using storage = open();
      assert.equal(storage.revision, 1);
      assert.equal(await storage.get('/a'), undefined);
      assert.deepEqual(await storage.list({ prefix: '/' }), { items: [], revision: 1, more: false });
    });

    it('`write()` gives every change a revision of its own, strictly increasing', async () => {
      await using storage = open();
      const [a, b] = await Promise.all([
        storage.write([create('/a', '1')]),
        storage.write([create('/b', '2'), create('/c', '3')]),
      ]);
      assert.deepEqual([...a, ...b], [2, 3, 4]);
      assert.equal(storage.revision, 4);
      assert.deepEqual(await storage.get('/b'), { key: '/b', value: '2', revision: 3 });
    });

    it('`write()` throws `WriteConflict` and changes nothing when one key is at another revision', async () => {
      await using storage = open();
      await storage.write([create('/a', '1')]);
      await assert.rejects(storage.write([create('/b', '2'), create('/a', 'x')]), (error: unknown) => {
        assert(error instanceof WriteConflict);
        assert.equal(error.key, '/a');
        assert.equal(error.actualRevision, 2);
        return true;
      });
      assert.equal(await storage.get('/b'), undefined);
      await storage.write([{ key: '/a', value: '2', expectedRevision: 2 }]);
      assert.equal((await storage.get('/a'))?.value, '2');
    });

    it('`write()` throws `WriteConflict` only after watchers have seen the write it conflicts with', async () => {
      await using storage = open();
      const seen: string[] = [];
      storage.watch(storage.revision, (events) => {
        seen.push(...events.map(({ value }) => value ?? ''));
      });
      const first = storage.write([create('/a', 'first')]);
      await assert.rejects(storage.write([create('/a', 'second')]), WriteConflict);
      assert.deepEqual(seen, ['first']);
      await first;
    });

    it('`write()` lets one of two racing writers of a key win', async () => {
      await using storage = open();
      const results = await Promise.allSettled([
        storage.write([create('/a', '1')]),
        storage.write([create('/a', '2')]),
      ]);
      assert.deepEqual(
        results.map((result) => result.status),
        ['fulfilled', 'rejected'],
      );
      assert.equal((await storage.get('/a'))?.value, '1');
    });

    it('`write()` deletes and lets the key be made again', async () => {
      await using storage = open();
      await storage.write([create('/a', '1')]);
      await storage.write([{ key: '/a', value: undefined, expectedRevision: 2 }]);
      assert.equal(await storage.get('/a'), undefined);
      assert.deepEqual(await storage.write([create('/a', '2')]), [4]);
    });

    it('`list()` pages through a prefix in key order, at one revision', async () => {
      await using storage = open();
      for (const key of ['/x/c', '/x/a', '/y/z', '/x/b']) await storage.write([create(key, key)]);
      const first = await storage.list({ prefix: '/x/', limit: 2 });
      assert.deepEqual(
        first.items.map((item) => item.key),
        ['/x/a', '/x/b'],
      );
      assert.equal(first.more, true);
      await storage.write([{ key: '/x/c', value: 'new', expectedRevision: 2 }]);
      await storage.write([create('/x/d', 'd')]);
      const rest = await storage.list({ prefix: '/x/', limit: 2, after: '/x/b', revision: first.revision });
      assert.deepEqual(rest, {
        items: [{ key: '/x/c', value: '/x/c', revision: 2 }],
        revision: 5,
        more: false,
      });
    });

    it('`watch()` replays the past and goes on with new changes, in order', async () => {
      await using storage = open();
      await storage.write([create('/a', '1')]);
      const seen: StorageEvent[] = [];
      using watch = storage.watch(1, (events) => void seen.push(...events));
      const [revision] = await storage.write([{ key: '/a', value: '2', expectedRevision: 2 }]);
      assert.equal(seen.at(-1)?.revision, revision, 'the event comes before write() resolves');
      await storage.write([{ key: '/a', value: undefined, expectedRevision: 3 }]);
      assert.deepEqual(seen, [
        { key: '/a', revision: 2, value: '1', previous: undefined },
        { key: '/a', revision: 3, value: '2', previous: '1' },
        { key: '/a', revision: 4, value: undefined, previous: '2' },
      ]);
      watch[Symbol.dispose]();
      await storage.write([create('/b', '1')]);
      assert.equal(seen.length, 3);
    });

    it('`compact()` forgets history, keeps values, and refuses older revisions', async () => {
      await using storage = open();
      await storage.write([create('/a', '1')]);
      await storage.write([{ key: '/a', value: '2', expectedRevision: 2 }]);
      await storage.write([create('/b', '1')]);
      await storage.write([{ key: '/b', value: undefined, expectedRevision: 4 }]);
      await storage.compact(4);
      assert.throws(() => storage.watch(3, () => {}), CompactedError);
      await assert.rejects(storage.list({ prefix: '/', revision: 3 }), CompactedError);
      assert.deepEqual(
        (await storage.list({ prefix: '/', revision: 4 })).items.map((item) => item.value),
        ['2', '1'],
      );
      await storage.compact(5);
      assert.deepEqual((await storage.list({ prefix: '/' })).items, [{ key: '/a', value: '2', revision: 3 }]);
      assert.deepEqual(await storage.write([create('/b', '2')]), [6]);
    });

    it('`close()` refuses later writes', async () => {
      const storage = open();
      await storage.close();
      await assert.rejects(storage.write([create('/a', '1')]), /closed/);
    });
  });
}
