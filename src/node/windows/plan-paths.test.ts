import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isLocalPath, isUncPath, makeAbsolutePath, planContainerPath, planHostPath } from './plan-paths.ts';

test('isUncPath() knows shares, devices and pipes', () => {
  const unc = ['\\\\server\\share\\foo', '\\\\?\\server\\share', '\\\\?\\c:\\', '\\\\.\\pipe\\valid_pipe'];
  for (const path of unc) assert.equal(isUncPath(path), true, path);
  for (const path of ['C:\\foo', '\\foo', '/foo', 'foo']) assert.equal(isUncPath(path), false, path);
});

test('isLocalPath() is rooted without a drive', () => {
  for (const path of ['\\foo', '\\foo\\bar', '/foo', '/foo/bar']) assert.equal(isLocalPath(path), true, path);
  const others = ['C:\\foo', ':\\foo', 'X:\\foo', '\\\\server\\share', '\\\\.\\pipe\\p', 'foo', ':foo'];
  for (const path of others) assert.equal(isLocalPath(path), false, path);
});

test('makeAbsolutePath() adds drive c: where no colon is', () => {
  const cases: [string, string][] = [
    ['some\\path', 'c:\\some\\path'],
    ['/some/path', 'c:/some/path'],
    ['\\some\\path', 'c:\\some\\path'],
    ['\\:\\some\\path', '\\:\\some\\path'],
    ['D:\\x', 'D:\\x'],
  ];
  for (const [path, absolute] of cases) assert.equal(makeAbsolutePath(path), absolute);
});

test('planHostPath() gives rooted paths a drive and nothing else', () => {
  assert.equal(planHostPath('/mnt/disk6'), 'c:/mnt/disk6');
  assert.equal(planHostPath('\\mnt\\disk7'), 'c:\\mnt\\disk7');
  for (const path of ['c:/mnt/disk', '\\\\.\\pipe\\pipe1']) assert.equal(planHostPath(path), path);
});

test('planContainerPath() completes relative paths only', () => {
  assert.equal(planContainerPath('mnt'), 'c:\\mnt');
  for (const path of ['c:/mnt', 'C:\\mnt', '\\mnt', '/mnt', '\\\\.\\pipe\\p', 'c:mnt'])
    assert.equal(planContainerPath(path), path);
});
