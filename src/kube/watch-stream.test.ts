import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { LineSplitter } from './watch-stream.ts';

test('`push()` gives the same lines wherever the transport cuts the bytes', () => {
  const line = fc.string({ unit: 'grapheme', minLength: 1 }).map((text) => text.replaceAll('\n', ' '));
  fc.assert(
    fc.property(fc.array(line), fc.array(fc.nat(40)), (lines, cuts) => {
      const bytes = Buffer.from(lines.map((text) => `${text}\n`).join(''));
      const splitter = new LineSplitter();
      const got: string[] = [];
      let at = 0;
      for (const cut of [...cuts, bytes.length]) {
        got.push(...splitter.push(bytes.subarray(at, at + cut)));
        at = Math.min(bytes.length, at + cut);
      }
      assert.deepEqual(got, lines);
    }),
  );
});
