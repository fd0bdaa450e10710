import assert from 'node:assert/strict';
import { test } from 'node:test';
import { check, Errno, errnoName, isErrno, libc } from './libc.ts';

test('check() turns a failed call into an Errno that names call, object and error', () => {
  assert.throws(
    () => check(libc().close(987_654), 'close', 'descriptor 987654'),
    (error) => {
      assert.ok(error instanceof Errno);
      assert.deepEqual([error.syscall, error.errno, error.code], ['close', 9, 'EBADF']);
      assert.equal(error.message, 'close descriptor 987654: EBADF (9)');
      assert.ok(isErrno(error, 'EBADF') && !isErrno(error, 'EPERM'));
      return true;
    },
  );
  assert.equal(check(5, 'anything'), 5);
});

test('errnoName() knows what the kernel answers', () => {
  const names = [1, 2, 17, 85, 95, 105, 524].map(errnoName);
  assert.deepEqual(names, ['EPERM', 'ENOENT', 'EEXIST', 'ERESTART', 'EOPNOTSUPP', 'ENOBUFS', 'ENOTSUPP']);
  assert.equal(errnoName(4000), 'E4000');
});

test('isErrno() knows errors of Node by their code too', () => {
  assert.ok(isErrno(Object.assign(new Error('x'), { code: 'ENOENT' }), 'ENOENT'));
  assert.equal(isErrno({ code: 'ENOENT' }, 'ENOENT'), false);
});
