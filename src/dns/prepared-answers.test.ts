import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type PreparedAnswer, prepareAnswer } from '#wire/dns-answer.ts';
import { PreparedAnswers } from './prepared-answers.ts';

function prepared(): PreparedAnswer {
  return prepareAnswer(['a'], { rcode: 0, answers: [], authorities: [], additionals: [] });
}

test('invalidate() takes back the answers that a look-up went into, and no others', () => {
  const answers = new PreparedAnswers();
  const [both, one] = [prepared(), prepared()];
  answers.set('both', both, ['x', 'y']);
  answers.set('one', one, ['y']);
  answers.invalidate(['x', 'z']);
  assert.deepEqual([answers.get('both'), answers.get('one')], [undefined, one]);
  assert.deepEqual([both.stale, one.stale], [true, false]);
});

test('set() drops the oldest answer when there are too many', () => {
  const answers = new PreparedAnswers(2);
  const all = ['a', 'b', 'c'].map((question) => ({ question, answer: prepared() }));
  for (const { question, answer } of all) answers.set(question, answer, ['x']);
  assert.deepEqual(
    all.map(({ answer }) => answer.stale),
    [true, false, false],
  );
  assert.equal(answers.size, 2);
  answers.invalidate(['x']);
  assert.equal(answers.size, 0);
});
