import assert from 'node:assert/strict';
import { it } from 'node:test';
import * as fc from 'fast-check';
import { isStatusError } from '#api/machinery/status-error.ts';
import { readContinue, writeContinue } from './continue-token.ts';

it('`readContinue()` reads what `writeContinue()` wrote', () => {
  fc.assert(
    fc.property(fc.nat(), fc.string(), (revision, after) => {
      assert.deepEqual(readContinue(writeContinue({ revision, after })), { revision, after });
    }),
  );
});

it('`readContinue()` throws 400, and nothing else, for anything else', () => {
  const refuses = (text: string): void =>
    assert.throws(
      () => readContinue(text),
      (error) => isStatusError(error, 'BadRequest'),
    );
  fc.assert(fc.property(fc.string(), refuses));
  fc.assert(fc.property(fc.json(), (json) => refuses(Buffer.from(json).toString('base64url'))));
});
