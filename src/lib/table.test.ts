import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { formatTable } from './table.ts';

describe('formatTable()', () => {
  it('makes columns as wide as their widest cell, without spaces at the end of a line', () => {
    const table = [
      ['NAME', 'PODS'],
      ['a-long-one', '1'],
      ['b', ''],
    ];
    assert.deepEqual(formatTable(table), ['NAME        PODS', 'a-long-one  1', 'b']);
  });

  it('makes nothing of no rows', () => {
    assert.deepEqual(formatTable([]), []);
  });
});
