import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { matchesFields, parseFieldSelector, unsupportedField } from './field-selector.ts';
import {
  formatLabelSelector,
  formatRequirements,
  fromLabelSelector,
  fromSet,
  matchesLabels,
  parseLabelSelector,
  SelectorSyntaxError,
  selects,
  validateLabelSelector,
} from './label-selector.ts';

const LABELS = { app: 'web', tier: 'b', n: '5', empty: '' };
const MATCHES: readonly [string, boolean][] = [
  ['', true],
  ['app=web', true],
  ['app==web,tier!=a', true],
  ['app = db', false],
  ['app', true],
  ['!app', false],
  ['!legacy', true],
  ['tier in (a, b)', true],
  ['tier notin (a,b)', false],
  ['other notin (a)', true],
  ['empty=', true],
  ['empty in (,x)', true],
  ['n>4', true],
  ['n<4', false],
  ['app>4', false],
  ['other>4', false],
  ['app!=web', false],
];
for (const [text, matches] of MATCHES) {
  test(`the selector ${JSON.stringify(text)} ${matches ? 'matches' : 'does not match'}`, () => {
    assert.equal(matchesLabels(parseLabelSelector(text), LABELS), matches);
  });
}

for (const text of [
  'a=b=c',
  ',',
  'a in b',
  'a in (b',
  '(',
  '=a',
  'a b',
  'n>x',
  'bad key!',
  'a=-b',
  '!',
  'a in (b c)',
  'a,,b',
]) {
  test(`parseLabelSelector() refuses ${JSON.stringify(text)}`, () => {
    assert.throws(() => parseLabelSelector(text), SelectorSyntaxError);
  });
}

test('parseLabelSelector() throws nothing but SelectorSyntaxError, and reads what formatRequirements() writes', () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.string(), fc.string({ unit: fc.constantFrom(...'ab=!,()<> in'.split('')) })),
      (text) => {
        try {
          const formatted = formatRequirements(parseLabelSelector(text));
          assert.equal(formatRequirements(parseLabelSelector(formatted)), formatted);
        } catch (error) {
          assert.ok(error instanceof SelectorSyntaxError, String(error));
        }
      },
    ),
    { numRuns: 2000 },
  );
});

test('a LabelSelector that is missing selects nothing, an empty one everything', () => {
  assert.equal(selects(undefined, LABELS), false);
  assert.equal(selects(null, LABELS), false);
  assert.equal(selects({}, undefined), true);
  assert.equal(
    selects(
      { matchLabels: { app: 'web' }, matchExpressions: [{ key: 'tier', operator: 'In', values: ['b'] }] },
      LABELS,
    ),
    true,
  );
  assert.throws(
    () => fromLabelSelector({ matchExpressions: [{ key: 'a', operator: 'Near' }] }),
    SelectorSyntaxError,
  );
});

test('formatLabelSelector() writes what kubectl shows', () => {
  const selector = {
    matchLabels: { c: 'd', a: 'b' },
    matchExpressions: [
      { key: 'e', operator: 'In', values: ['y', 'x'] },
      { key: 'f', operator: 'Exists' },
      { key: 'g', operator: 'DoesNotExist' },
    ],
  };
  assert.equal(formatLabelSelector(selector), 'a=b,c=d,e in (x,y),f,!g');
  assert.equal(formatLabelSelector({}), '<none>');
  assert.equal(formatRequirements(parseLabelSelector('a!=b,c>1,d<2')), 'a!=b,c>1,d<2');
  assert.equal(formatRequirements(fromSet({ a: 'b' })), 'a=b');
});

test('validateLabelSelector() names what is wrong where', () => {
  const errors = validateLabelSelector(
    {
      matchLabels: { 'bad key': 'x' },
      matchExpressions: [
        { key: 'a', operator: 'In' },
        { key: 'a', operator: 'Exists', values: ['x'] },
        { key: 'a', operator: 'Near' },
      ],
    },
    's',
  );
  assert.deepEqual(
    errors.map(({ field }) => field),
    [
      's.matchLabels',
      's.matchExpressions[0].values',
      's.matchExpressions[1].values',
      's.matchExpressions[2].operator',
    ],
  );
});

test('field selectors compare, escape, and know what they cannot ask', () => {
  const fields = { 'metadata.name': 'a,b', 'status.phase': '' };
  assert.equal(matchesFields(parseFieldSelector('metadata.name=a\\,b,status.phase!=Running'), fields), true);
  assert.equal(matchesFields(parseFieldSelector('metadata.name==x'), fields), false);
  assert.equal(unsupportedField(parseFieldSelector('spec.x=1'), fields), 'spec.x');
  assert.equal(unsupportedField(parseFieldSelector(''), fields), undefined);
  for (const bad of ['a', 'a=b\\c', 'a=b=c', 'a=b\\'])
    assert.throws(() => parseFieldSelector(bad), SelectorSyntaxError, bad);
});
