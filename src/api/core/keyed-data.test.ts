import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fieldErrorText } from '#api/machinery/field-error.ts';
import { configMapStrategy } from './config-map.ts';
import { base64Bytes } from './keyed-data.ts';

test('base64Bytes() counts what the texts decode to', () => {
  for (const length of [0, 1, 2, 3, 4, 1024]) {
    assert.equal(base64Bytes({ a: Buffer.alloc(length).toString('base64') }), length);
  }
  assert.equal(base64Bytes({ a: null, b: 'eA==' }), 1);
});

test('a ConfigMap holds 1 MiB and no more', () => {
  const findings = (bytes: number) =>
    (
      configMapStrategy.validate?.({ data: { a: 'x'.repeat(bytes - 1) }, binaryData: { b: 'eA==' } }) ?? []
    ).map(fieldErrorText);
  assert.deepEqual(findings(1024 * 1024), []);
  assert.deepEqual(findings(1024 * 1024 + 1), ['[]: Too long: may not be more than 1048576 bytes']);
});
