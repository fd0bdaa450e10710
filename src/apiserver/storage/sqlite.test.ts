import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, it } from 'node:test';
import { openSqliteStorage } from './sqlite.ts';
import { StorageError } from './storage.ts';
import { describeStorage } from './storage-contract.ts';

const folder = mkdtempSync(join(tmpdir(), 'portolan-sqlite-'));
after(() => rmSync(folder, { recursive: true }));
let files = 0;
const freshPath = () => join(folder, `${files++}`, 'state.db');

describeStorage('openSqliteStorage()', () => openSqliteStorage(freshPath()));

it('`openSqliteStorage()` finds the objects and the revision of last time', async () => {
  const path = freshPath();
  {
    await using storage = openSqliteStorage(path);
    await storage.write([{ key: '/a', value: '1', expectedRevision: 0 }]);
    await storage.write([{ key: '/a', value: undefined, expectedRevision: 2 }]);
    await storage.compact(3);
  }
  await using storage = openSqliteStorage(path);
  assert.equal(storage.revision, 3);
  assert.deepEqual(await storage.write([{ key: '/a', value: '2', expectedRevision: 0 }]), [4]);
});

it('`openSqliteStorage()` loses no acknowledged write when the process is killed', async () => {
  const path = freshPath();
  const program = `
    const { openSqliteStorage } = await import(${JSON.stringify(import.meta.resolve('./sqlite.ts'))});
    const storage = openSqliteStorage(${JSON.stringify(path)});
    for (let i = 0; ; i++) {
      await storage.write([{ key: '/' + i, value: String(i), expectedRevision: 0 }]);
      process.stdout.write(i + '\\n');
    }`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  for await (const chunk of child.stdout) {
    text += String(chunk);
    if (text.split('\n').length > 50) child.kill('SIGKILL');
  }
  const acknowledged = text.split('\n').slice(0, -1);
  await using storage = openSqliteStorage(path);
  const { items } = await storage.list({ prefix: '/' });
  const kept = new Set(items.map((item) => item.value));
  assert(acknowledged.length >= 50);
  assert.deepEqual(
    acknowledged.filter((value) => !kept.has(value)),
    [],
  );
});

it('`openSqliteStorage()` refuses a file that is in use, or of a newer version, with the path', async () => {
  const path = freshPath();
  {
    await using storage = openSqliteStorage(path);
    await storage.write([{ key: '/a', value: '1', expectedRevision: 0 }]);
    assert.throws(
      () => openSqliteStorage(path),
      (error: unknown) => {
        assert(error instanceof StorageError);
        assert(
          error.message.includes(path) && error.message.includes('another process uses it'),
          error.message,
        );
        return true;
      },
    );
  }
  const database = new DatabaseSync(path);
  database.exec('PRAGMA user_version = 99');
  database.close();
  assert.throws(() => openSqliteStorage(path), /format 99, written by a newer version/);
});
