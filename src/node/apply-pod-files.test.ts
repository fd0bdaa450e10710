import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { test } from 'node:test';
import { applyPodFiles } from './apply-pod-files.ts';

test('applyPodFiles() writes hosts anew each time, the others once, readable by all', () => {
  const directory = mkdtempSync(join(tmpdir(), 'portolan-pod-files-'));
  const umask = process.umask(0o077);
  try {
    const path = (name: string): string => join(directory, 'etc', name);
    applyPodFiles(directory, { hosts: 'a\n', 'resolv.conf': 'b\n', hostname: 'c\n' });
    for (const name of ['hosts', 'resolv.conf', 'hostname'])
      assert.equal(statSync(path(name)).mode & 0o777, 0o644, name);
    for (const name of ['hosts', 'resolv.conf']) writeFileSync(path(name), 'changed\n');
    applyPodFiles(directory, { hosts: 'new\n', 'resolv.conf': 'b\n', hostname: 'c\n' });
    assert.equal(readFileSync(path('hosts'), 'utf8'), 'new\n');
    assert.equal(readFileSync(path('resolv.conf'), 'utf8'), 'changed\n');
  } finally {
    process.umask(umask);
    rmSync(directory, { recursive: true });
  }
});
