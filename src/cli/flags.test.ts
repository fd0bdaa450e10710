import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { UsageError } from './command.ts';
import { integerFlag, parseFlags } from './flags.ts';

const FLAGS = {
  nodes: { type: 'string' },
  family: { type: 'string', values: ['ipv4', 'ipv6'] },
  file: { type: 'string', short: 'f', multiple: true },
  detach: { type: 'boolean', short: 'd' },
} as const;

describe('parseFlags()', () => {
  it('reads values, lists, short names and words behind --', () => {
    const parsed = parseFlags(
      FLAGS,
      ['--nodes=3', '-f', 'a', '--file', 'b', '-d', 'x', '--', '--nodes', '-'],
      {
        positionals: ['TARGET'],
        rest: true,
      },
    );
    assert.deepEqual({ ...parsed.values }, { nodes: '3', family: undefined, file: ['a', 'b'], detach: true });
    assert.deepEqual(parsed.positionals, ['x']);
    assert.deepEqual(parsed.rest, ['--nodes', '-']);
  });

  it('takes - as a value', () => assert.deepEqual(parseFlags(FLAGS, ['-f', '-']).values.file, ['-']));

  const wrong: Record<string, [argv: string[], message: RegExp]> = {
    'an unknown flag, with the one that was meant': [
      ['--nods', '3'],
      /^unknown flag --nods, did you mean --nodes\?$/,
    ],
    'an unknown flag that is like none': [['--colour'], /^unknown flag --colour$/],
    'an unknown short flag': [['-z'], /^unknown flag -z$/],
    'a missing value': [['--nodes'], /^--nodes needs a value$/],
    'a flag in place of a value': [['--nodes', '--detach'], /^--nodes needs a value$/],
    'a value outside of the list': [['--family', 'ipx'], /^--family ipx: one of ipv4, ipv6 is expected$/],
    'a value for a switch': [['--detach=maybe'], /^--detach=maybe: true or false is expected$/],
    'a word too many': [['x', 'y'], /^unexpected word "y"$/],
  };
  for (const [what, [argv, message]] of Object.entries(wrong)) {
    it(`refuses ${what}`, () => {
      assert.throws(
        () => parseFlags(FLAGS, argv, { positionals: ['TARGET?'] }),
        (error: unknown) => error instanceof UsageError && message.test(error.message),
      );
    });
  }

  it('asks for a word that is missing', () => {
    assert.throws(() => parseFlags(FLAGS, [], { positionals: ['TARGET'] }), /TARGET is missing/);
  });
});

describe('integerFlag()', () => {
  it('takes whole numbers within the bounds only', () => {
    assert.equal(integerFlag('nodes', '64', 1, 64), 64);
    for (const text of ['0', '65', '1.5', '1e1', '', '-1', ' 1']) {
      assert.throws(() => integerFlag('nodes', text, 1, 64), /a whole number from 1 to 64 is expected/);
    }
  });
});
