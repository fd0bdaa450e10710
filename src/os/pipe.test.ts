import assert from 'node:assert/strict';
import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';
import { test } from 'node:test';
import { closeFd } from './fd-ledger.ts';
import { makeMemoryFile } from './pipe.ts';

test('makeMemoryFile() makes a file that nobody can change, opened anew or not', () => {
  const fd = makeMemoryFile('sample', Buffer.from('content'));
  try {
    assert.equal(readFileSync(`/proc/self/fd/${fd}`, 'utf8'), 'content');
    assert.throws(() => writeSync(fd, 'x'), { code: 'EPERM' });
    const again = openSync(`/proc/self/fd/${fd}`, 'r+');
    assert.throws(() => writeSync(again, 'x'), { code: 'EPERM' });
    closeSync(again);
  } finally {
    closeFd(fd);
  }
});
