import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import {
  COMMENT,
  decodeComment,
  encodeComment,
  encodeSetUserdata,
  MAX_COMMENT_BYTES,
} from './nftables-userdata.ts';

test('decodeComment() reads what encodeComment() writes', () => {
  const comment = fc
    .string({ unit: 'binary', maxLength: 30 })
    .filter((text) => !text.includes('\0') && text.isWellFormed());
  fc.assert(
    fc.property(comment, (text) => {
      assert.equal(decodeComment(encodeComment(text, COMMENT.rule), COMMENT.rule), text);
      assert.equal(decodeComment(encodeSetUserdata('host', 'network', text), COMMENT.set), text);
    }),
  );
});

test('encodeComment() refuses what does not fit, and makes nothing of nothing', () => {
  assert.equal(encodeComment(undefined, COMMENT.rule), undefined);
  assert.doesNotThrow(() => encodeComment('x'.repeat(MAX_COMMENT_BYTES), COMMENT.rule));
  assert.throws(
    () => encodeComment('x'.repeat(MAX_COMMENT_BYTES + 1), COMMENT.rule),
    /121 bytes is too long, at most 120/,
  );
});

test('decodeComment() never throws', () => {
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      const comment = decodeComment(bytes, 0);
      assert.ok(comment === undefined || typeof comment === 'string');
    }),
  );
});
