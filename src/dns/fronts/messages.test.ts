import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { packQueries, unpackQueries } from './messages.ts';

const bytes = (maxLength: number) =>
  fc.uint8Array({ maxLength, size: 'max' }).map((value) => Buffer.from(value));

test('unpackQueries() gives what packQueries() was given', () => {
  const peer = fc.record({ name: bytes(28), control: bytes(40) }, { noNullPrototype: true });
  const queries = fc.array(fc.record({ message: bytes(4096), peer }, { noNullPrototype: true }), {
    maxLength: 5,
  });
  fc.assert(
    fc.property(queries, (given) => {
      assert.deepEqual(unpackQueries(packQueries(given)), given);
    }),
  );
});
