import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { tryLockFile } from './file-lock.ts';

describe('tryLockFile()', () => {
  const directory = mkdtempSync(join(tmpdir(), 'portolan-lock-'));
  const path = join(directory, 'lock');
  after(() => rmSync(directory, { recursive: true }));

  it('returns undefined when somebody else has the lock, and takes it once that one is disposed', () => {
    const first = tryLockFile(path);
    assert.ok(first);
    assert.equal(tryLockFile(path), undefined);
    first[Symbol.dispose]();
    using second = tryLockFile(path);
    assert.ok(second);
  });

  it('throws the system error when the file cannot be made', () => {
    assert.throws(() => tryLockFile(join(directory, 'missing', 'lock')), { code: 'ENOENT' });
  });
});
