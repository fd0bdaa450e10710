import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { isTrue } from './copied-answer.ts';
import { MARKS, type Mark, Marks } from './marks.ts';

test('a mark is true from take() to withdraw(), whatever other marks come and go, and never again', () => {
  fc.assert(
    fc.property(fc.array(fc.option(fc.nat(20)), { maxLength: 200 }), (steps) => {
      const marks = new Marks();
      const memory = new Int32Array(marks.memory);
      const taken: Mark[] = [];
      const withdrawn = new Set<Mark>();
      for (const step of steps) {
        const mark = step === null ? undefined : taken[step];
        if (mark === undefined) taken.push(marks.take() ?? assert.fail('no mark is free'));
        else {
          marks.withdraw(mark);
          withdrawn.add(mark);
        }
        for (const each of taken) assert.equal(isTrue(memory, each), !withdrawn.has(each));
      }
      const used = new Set(taken.map(({ slot }) => slot)).size;
      assert.ok(used <= taken.length);
    }),
  );
});

test('slots are used again, so that there are as many marks as there may be at once', () => {
  const marks = new Marks();
  for (let i = 0; i < 2 * MARKS; i++) marks.withdraw(marks.take() ?? assert.fail(`no mark ${i}`));
  const held = Array.from({ length: MARKS }, () => marks.take());
  assert.equal(new Set(held.map((mark) => mark?.slot)).size, MARKS);
  assert.equal(marks.take(), undefined);
});

test('a slot stays in use when its version goes round', () => {
  const marks = new Marks();
  const memory = new Int32Array(marks.memory);
  memory[0] = 0x7ffffffe;
  for (let use = 0; use < 3; use++) {
    const mark = marks.take() ?? assert.fail('no mark is free');
    assert.deepEqual([mark.slot, isTrue(memory, mark)], [0, true]);
    marks.withdraw(mark);
    assert.equal(isTrue(memory, mark), false);
  }
});
