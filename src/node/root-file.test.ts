import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { readRootFile, readTail } from './root-file.ts';

const directory = mkdtempSync(join(tmpdir(), 'portolan-root-file-'));
after(() => rmSync(directory, { recursive: true }));
const root = join(directory, 'root');
mkdirSync(join(root, 'etc'), { recursive: true });
mkdirSync(join(root, 'store'));
writeFileSync(join(directory, 'secret'), 'of the host');
writeFileSync(join(root, 'store', 'passwd'), 'of the image');
const link = (target: string, name: string): void => symlinkSync(target, join(root, 'etc', name));

test('readRootFile() follows links inside the image and none that leads out', () => {
  link('/store/passwd', 'inside');
  link('../../../store/passwd', 'above');
  link('../../secret', 'outside');
  link(join(directory, 'secret'), 'absolute');
  link('/etc/circle', 'circle');
  assert.equal(readRootFile(root, 'etc/inside'), 'of the image');
  assert.equal(readRootFile(root, 'etc/above'), 'of the image');
  for (const name of ['outside', 'absolute', 'circle', 'missing'])
    assert.equal(readRootFile(root, `etc/${name}`), '');
});

test('readTail() gives the end of a regular file, and nothing of anything else', () => {
  const file = join(directory, 'secret');
  assert.equal(readTail(file, 4), 'host');
  assert.equal(readTail(file, 1000), 'of the host');
  assert.equal(readTail('/dev/zero', 10), '');
  assert.equal(readTail(directory, 10), '');
  assert.equal(readTail(join(root, 'etc', 'absolute'), 10), '');
});
