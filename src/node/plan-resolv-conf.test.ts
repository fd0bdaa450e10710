import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import {
  findResolvConfExcess,
  formatResolvConf,
  mergeOptions,
  parseResolvConf,
  type ResolvConf,
  ResolvConfError,
} from './plan-resolv-conf.ts';

const conf = (part: Partial<ResolvConf>): ResolvConf => ({
  nameservers: [],
  searches: [],
  options: [],
  ...part,
});

test('parseResolvConf() reads what kubelet reads', () => {
  const two = ['1.2.3.4', '5.6.7.8'];
  const cases: [text: string, expected: Partial<ResolvConf>][] = [
    ['', {}],
    [' ', {}],
    ['\n', {}],
    ['\t\n\t', {}],
    ['#comment\n', {}],
    [' #comment\n', {}],
    ['#comment\n#comment', {}],
    ['#comment\nnameserver 1.2.3.4\nsearch', { nameservers: ['1.2.3.4'] }],
    ['nameserver 1.2.3.4', { nameservers: ['1.2.3.4'] }],
    [' nameserver 1.2.3.4', { nameservers: ['1.2.3.4'] }],
    ['\tnameserver 1.2.3.4', { nameservers: ['1.2.3.4'] }],
    ['nameserver\t1.2.3.4', { nameservers: ['1.2.3.4'] }],
    ['nameserver \t 1.2.3.4', { nameservers: ['1.2.3.4'] }],
    ['nameserver 1.2.3.4\r\nsearch foo\r\n', { nameservers: ['1.2.3.4'], searches: ['foo'] }],
    ['nameserver 1.2.3.4\nnameserver 5.6.7.8', { nameservers: two }],
    ['nameserver 1.2.3.4 #comment', { nameservers: ['1.2.3.4'] }],
    ['search ', {}],
    ['search .', {}],
    ['search . foo', { searches: ['foo'] }],
    ['search foo .', { searches: ['foo'] }],
    ['search foo .  bar', { searches: ['foo', 'bar'] }],
    ['search foo', { searches: ['foo'] }],
    ['search foo bar', { searches: ['foo', 'bar'] }],
    ['search foo. bar', { searches: ['foo', 'bar'] }],
    ['search foo bar bat\n', { searches: ['foo', 'bar', 'bat'] }],
    ['search foo\nsearch bar', { searches: ['bar'] }],
    ['search foo\nsearch', {}],
    ['nameserver 1.2.3.4\nsearch foo bar', { nameservers: ['1.2.3.4'], searches: ['foo', 'bar'] }],
    [
      'nameserver 1.2.3.4\nsearch foo\nnameserver 5.6.7.8\nsearch bar',
      { nameservers: two, searches: ['bar'] },
    ],
    [
      '#comment\nnameserver 1.2.3.4\n#comment\nsearch foo\ncomment',
      { nameservers: ['1.2.3.4'], searches: ['foo'] },
    ],
    ['options ', {}],
    ['options ndots:5 attempts:2', { options: ['ndots:5', 'attempts:2'] }],
    ['options ndots:1 ndots:5 attempts:2', { options: ['ndots:5', 'attempts:2'] }],
    [
      'options ndots:1 edns0 attempts:2 single-request-reopen',
      { options: ['ndots:1', 'edns0', 'attempts:2', 'single-request-reopen'] },
    ],
    ['options ndots:1\noptions ndots:5 attempts:3', { options: ['ndots:5', 'attempts:3'] }],
    [
      'options ndots:1 timeout:3 timeout:1 attempts:3\noptions ndots:5',
      { options: ['ndots:5', 'timeout:1', 'attempts:3'] },
    ],
    [
      'options ndots:1 attempts:3\noptions ndots:1 attempts:3 ndots:5',
      { options: ['ndots:5', 'attempts:3'] },
    ],
    [
      'nameserver 1.2.3.4\nsearch foo\nnameserver 5.6.7.8\nsearch bar\noptions ndots:5 attempts:4',
      { nameservers: two, searches: ['bar'], options: ['ndots:5', 'attempts:4'] },
    ],
  ];
  for (const [text, expected] of cases)
    assert.deepEqual(parseResolvConf(text), conf(expected), JSON.stringify(text));
});

test('parseResolvConf() refuses a nameserver line without an address', () => {
  const error = new ResolvConfError(
    'Encountered error while parsing resolv conf file. Error: nameserver list is empty ',
  );
  for (const text of ['#comment\nnameserver', '#comment\nnameserver\nsearch', 'nameserver\nnameserver'])
    assert.throws(() => parseResolvConf(text), error);
});

test('parseResolvConf() throws nothing but its own error', () => {
  const word = fc.constantFrom('nameserver', 'search', 'options', '#', ';', '.', 'a:', ':', '\t', '\u0085');
  const line = fc.array(fc.oneof(word, fc.string()), { maxLength: 8 }).map((words) => words.join(' '));
  fc.assert(
    fc.property(fc.array(line), (lines) => {
      try {
        const { searches, options } = parseResolvConf(lines.join('\n'));
        assert.ok(!searches.includes('.'));
        const names = options.map((option) => option.split(':')[0]);
        assert.equal(new Set(names).size, names.length);
      } catch (error) {
        assert.ok(error instanceof ResolvConfError);
      }
    }),
  );
});

test('mergeOptions() lets the later one win by name', () => {
  const base = ['ndots:5', 'debug'];
  const cases: [over: string[], merged: string[]][] = [
    [[], ['ndots:5', 'debug']],
    [
      ['single-request', 'attempts:3'],
      ['ndots:5', 'debug', 'single-request', 'attempts:3'],
    ],
    [
      ['ndots:3', 'debug', 'single-request', 'attempts:3'],
      ['ndots:3', 'debug', 'single-request', 'attempts:3'],
    ],
    [['ndots:'], ['ndots', 'debug']],
    [['a:b:c'], ['ndots:5', 'debug', 'a:b:c']],
  ];
  for (const [over, merged] of cases) assert.deepEqual(mergeOptions(base, over), merged);
});

test('formatResolvConf() leaves out lines that would be empty', () => {
  assert.equal(formatResolvConf(conf({})), '');
  assert.equal(
    formatResolvConf({
      nameservers: ['1.1.1.1', '2.2.2.2'],
      searches: ['a', 'b'],
      options: ['ndots:5', 'x'],
    }),
    'search a b\nnameserver 1.1.1.1\nnameserver 2.2.2.2\noptions ndots:5 x\n',
  );
});

test('findResolvConfExcess() keeps three of 32 searches for the cluster', () => {
  const searches = (count: number): ResolvConf =>
    conf({ searches: Array.from({ length: count }, (_, index) => `s${index}`) });
  assert.equal(findResolvConfExcess('/f', searches(29), 'cluster.local'), undefined);
  assert.equal(
    findResolvConfExcess('/f', searches(30), 'cluster.local'),
    "Resolv.conf file '/f' contains search line consisting of more than 29 domains!",
  );
  assert.equal(findResolvConfExcess('/f', searches(32), ''), undefined);
});

test('findResolvConfExcess() finds long entries and long lines', () => {
  assert.equal(
    findResolvConfExcess('/f', conf({ searches: ['a'.repeat(254)] }), 'c'),
    'Resolv.conf file "/f" contains a search path which length is more than allowed 253 chars!',
  );
  const long = Array.from({ length: 9 }, () => 'a'.repeat(253));
  assert.equal(
    findResolvConfExcess('/f', conf({ searches: long }), 'c'),
    "Resolv.conf file '/f' contains search line which length is more than allowed 2048 chars!",
  );
});
