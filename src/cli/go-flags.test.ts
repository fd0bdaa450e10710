import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UsageError } from './command.ts';
import { addressListFlag, durationFlag, flagWords } from './go-flags.ts';

test('flagWords() gives flags with one dash a second one, and leaves other words alone', () => {
  assert.deepEqual(flagWords(['-localip', '10.0.0.1', '-dns.port=53', '--conf', 'a-b', '-h', '-', '-5']), [
    '--localip',
    '10.0.0.1',
    '--dns.port=53',
    '--conf',
    'a-b',
    '-h',
    '-',
    '-5',
  ]);
});

test('durationFlag() reads units, several of them, and seconds without one', () => {
  const durations = ['60s', '1m30s', '1.5h', '100ms', '60'].map((text) => durationFlag('syncinterval', text));
  assert.deepEqual(durations, [60_000, 90_000, 5_400_000, 100, 60_000]);
  for (const text of ['', 's', '5d', '1s2', '0s', '-1s', '1000h'])
    assert.throws(() => durationFlag('syncinterval', text), UsageError, text);
});

test('addressListFlag() reads addresses of both families, each once and in canonical form', () => {
  assert.deepEqual(addressListFlag('localip', '169.254.20.10, FD00::53,fd00:0::53'), [
    '169.254.20.10',
    'fd00::53',
  ]);
  for (const text of [undefined, '', '10.0.0.1,', '0.0.0.0', '::', '10.0.0.0/8', 'localhost'])
    assert.throws(() => addressListFlag('localip', text), UsageError, text);
});
