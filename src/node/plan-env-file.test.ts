import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { EnvFileError, planEnvFileValue } from './plan-env-file.ts';

test('planEnvFileValue() reads quoted values and expands nothing', () => {
  const cases: [text: string, key: string, value: string][] = [
    ["   KEY1='val1'\n\t\tKEY2='val2'\nKEY3='val3'\n", 'KEY2', 'val2'],
    ["# comment\nKEY1='foo'\n\n   # another\nKEY2='bar'\n", 'KEY2', 'bar'],
    ["KEY1='foo'\n", 'KEY3', ''],
    ["KEY1='foo#notcomment'\n", 'KEY1', 'foo#notcomment'],
    ["KEY1='   foo bar   '\n", 'KEY1', '   foo bar   '],
    ["KEY1='foo'\nKEY2=''\n", 'KEY2', ''],
    ["KEY1='foo=bar=baz'", 'KEY1', 'foo=bar=baz'],
    ["KEY2='bar' # comment\n", 'KEY2', 'bar'],
    ["KEY1='foo$BAR-${HOME}_$'\n", 'KEY1', 'foo$BAR-${HOME}_$'],
    ["KEY1='a\\nb\\\\c'\n", 'KEY1', 'a\\nb\\\\c'],
    ["KEY1='one\n  two\n\n# three'\nKEY2='x'", 'KEY1', 'one\n  two\n\n# three'],
    ["KEY1='one\n  two'\nKEY2='x'", 'KEY2', 'x'],
    ["KEY1='x'\r\nKEY2='y'\r\n", 'KEY2', 'y'],
    ["KEY2=   'val2'\n", 'KEY2', ''],
    ["KEY1= 'a'\nKEY2='b'\n", 'KEY2', 'b'],
    ["KEY1='first'\nKEY1='second'\nbroken", 'KEY1', 'first'],
    ['', 'KEY', ''],
  ];
  for (const [text, key, value] of cases) assert.equal(planEnvFileValue(text, key), value, text);
});

test('planEnvFileValue() names the line that is malformed', () => {
  const cases: [text: string, why: string][] = [
    ["KEY1 = 'val1'", "at line 1: whitespace before '=' is not allowed"],
    ["\nKEY1\t='val1'", "at line 2: whitespace before '=' is not allowed"],
    ["='foo'", 'at line 1: empty variable name'],
    ["KEY1='foo'\nINVALID_LINE", "at line 2: missing '='"],
    ["KEY1='foo'\nKEY2=bar", 'at line 2: value must be enclosed in single quotes'],
    ['KEY2="bar"', 'at line 1: value must be enclosed in single quotes'],
    ['KEY2=', 'at line 1: value must be enclosed in single quotes'],
    ["KEY1='foo''bar'", 'at line 1: unexpected content after closing quote'],
    ["KEY2='bar\nKEY3='baz'", 'at line 2: unexpected content after closing quote'],
    ["\nKEY2='bar\nbaz\n", 'starting at line 2: unclosed single quote'],
  ];
  for (const [text, why] of cases)
    assert.throws(
      () => planEnvFileValue(text, 'NONE'),
      new EnvFileError(`invalid environment variable format ${why}`),
    );
});

test('planEnvFileValue() throws nothing but its own error', () => {
  const part = fc.constantFrom('A', '=', "'", '#', ' ', '\n', '\t', 'é', '\r');
  fc.assert(
    fc.property(fc.array(part), (parts) => {
      try {
        planEnvFileValue(parts.join(''), 'A');
      } catch (error) {
        assert.ok(error instanceof EnvFileError);
      }
    }),
  );
});
