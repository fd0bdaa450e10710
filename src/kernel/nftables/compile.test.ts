import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { compileRule } from './compile.ts';
import {
  DATA_TYPES,
  type DataType,
  decodeValue,
  encodeValue,
  NftablesValueError,
  type Value,
} from './data-types.ts';
import { decodeRange, decodeValues, encodeData, encodeKey, predecessor, successor } from './element-codec.ts';
import type { NftMap, NftSet } from './objects.ts';
import { table } from './objects.ts';
import { expressionText } from './read.ts';
import { ip, ip6, meta, tcp, th } from './selectors.ts';
import * as s from './statements.ts';

const t = table('inet', 'x');
const pairs: NftMap = {
  kind: 'map',
  table: t,
  name: 'pairs',
  key: ['ipv4_addr', 'inet_service'],
  data: ['ipv4_addr', 'inet_service'],
};
const names: NftSet = { kind: 'set', table: t, name: 'names', key: ['ifname'] };
const verdicts: NftMap = { ...pairs, name: 'verdicts', data: 'verdict' };

const compile = (...statements: s.Statement[]): string[] =>
  compileRule('inet', statements).map(expressionText);

describe('compileRule()', () => {
  test('matches the protocol that a header field belongs to, once', () => {
    assert.deepEqual(compile(s.match(tcp.dport, '==', 80), s.match(tcp.sport, '==', 81)), [
      'meta key=16 dreg=8',
      'cmp sreg=8 data=06',
      'payload dreg=8 base=2 offset=2 len=2',
      'cmp sreg=8 data=0050',
      'payload dreg=8 base=2 len=2',
      'cmp sreg=8 data=0051',
    ]);
  });

  test('does not match a protocol again that the rule, or the table, has settled', () => {
    const rule = [
      s.match(meta('nfproto'), '==', 'ipv4'),
      s.match(meta('l4proto'), '==', 'tcp'),
      s.match(tcp.dport, '==', 80),
    ];
    assert.equal(compile(...rule, s.match(ip.saddr, '==', '10.0.0.1')).length, 8);
    assert.equal(compileRule('ip', [s.match(ip.saddr, '==', '10.0.0.1')]).length, 2);
    assert.equal(compileRule('inet', [s.match(ip.saddr, '==', '10.0.0.1')]).length, 4);
    assert.equal(
      compileRule('inet', [s.match(meta('l4proto'), '!=', 'tcp'), s.match(tcp.dport, '==', 80)]).length,
      6,
    );
  });

  test('matches the protocols of data before it loads the key', () => {
    const map: NftMap = { ...pairs, key: ['mark'], data: ['ipv6_addr', 'inet_service'], dynamic: true };
    const names = compile(s.update(map, [meta('mark')], { data: [ip6.saddr, th.sport] })).map(
      (line) => line.split(' ')[0],
    );
    assert.deepEqual(names, ['meta', 'cmp', 'meta', 'payload', 'payload', 'dynset']);
  });

  const refused: Array<[name: string, statement: s.Statement, error: RegExp]> = [
    [
      'a key of other types',
      s.inSet([ip.saddr], pairs),
      /map pairs has the key ipv4_addr \. inet_service, not ip saddr/,
    ],
    [
      'a verdict map as data',
      s.dnat({ map: verdicts, key: [ip.saddr, th.dport] }),
      /verdicts has no address or port/,
    ],
    [
      'data that is no address',
      s.dnat({ map: { ...pairs, data: ['mark'] }, key: [ip.saddr, th.dport] }),
      /no address or port/,
    ],
    ['a port only, of an unknown family', s.dnat({ port: 80 }), /dnat to a port only, in an inet table/],
    [
      'data for a set',
      s.update(names, [meta('iifname')], { data: [ip.saddr] }),
      /a map's elements have data/,
    ],
    ['no data for a map', s.update(pairs, [ip.saddr, th.dport]), /a map's elements have data/],
    [
      'a network of another family',
      s.match(ip.saddr, '==', 'fd00::/8'),
      /"fd00::\/8" is no ipv4_addr network/,
    ],
    [
      'a key of more than 64 bytes',
      s.inSet(
        Array.from({ length: 5 }, () => ip6.saddr),
        { ...names, key: Array.from({ length: 5 }, () => 'ipv6_addr') },
      ),
      /at most 64 bytes/,
    ],
  ];
  for (const [name, statement, error] of refused) {
    test(`refuses ${name}`, () => {
      assert.throws(
        () => compile(statement),
        (thrown) => thrown instanceof NftablesValueError && error.test(thrown.message),
      );
    });
  }
});

describe('values', () => {
  const good: Array<[type: DataType, value: Value, hex: string]> = [
    ['ipv4_addr', '10.96.0.1', '0a600001'],
    ['ipv6_addr', 'fd00::1', 'fd000000000000000000000000000001'],
    ['ether_addr', '02:42:ac:11:00:02', '0242ac110002'],
    ['inet_proto', 'tcp', '06'],
    ['inet_service', 443, '01bb'],
    ['mark', 0x4000, '00400000'],
    ['ct_state', 'new', '08000000'],
    ['ifname', 'eth0', `65746830${'00'.repeat(12)}`],
    ['icmpv6_type', 'nd-neighbor-solicit', '87'],
  ];
  for (const [type, value, hex] of good) {
    test(`${type} ${value} is 0x${hex}`, () => {
      assert.equal(Buffer.from(encodeValue(type, value)).toString('hex'), hex);
      assert.equal(decodeValue(type, Uint8Array.from(Buffer.from(hex, 'hex'))), value);
      assert.equal(encodeValue(type, value).length, DATA_TYPES[type].size);
    });
  }

  const bad: Array<[type: DataType, value: Value]> = [
    ['ipv4_addr', 'fd00::1'],
    ['ipv6_addr', '10.0.0.1'],
    ['inet_service', 65_536],
    ['inet_service', -1],
    ['inet_service', 'http'],
    ['inet_proto', 'tcpp'],
    ['ifname', ''],
    ['ifname', 'a-name-of-16-byt'],
    ['mark', 1.5],
  ];
  for (const [type, value] of bad) {
    test(`${JSON.stringify(value)} is no ${type}`, () => {
      assert.throws(() => encodeValue(type, value), NftablesValueError);
    });
  }
});

describe('elements', () => {
  test('encodeKey() pads each part of a concatenation to 4 bytes', () => {
    assert.equal(Buffer.from(encodeKey(pairs, ['10.0.0.1', 80]).key).toString('hex'), '0a00000100500000');
    assert.deepEqual(decodeValues(pairs.key, encodeKey(pairs, ['10.0.0.1', 80]).key), ['10.0.0.1', 80]);
  });

  test('encodeKey() gives both ends of a range', () => {
    const { key, end } = encodeKey({ ...pairs, interval: true }, ['10.0.0.0/8', '80-90']);
    assert.ok(end !== undefined);
    assert.deepEqual(decodeRange(pairs.key, key, end), ['10.0.0.0/8', '80-90']);
    assert.deepEqual(decodeRange(['ipv4_addr'], Uint8Array.of(10, 0, 0, 1), Uint8Array.of(10, 0, 0, 2)), [
      '10.0.0.1-10.0.0.2',
    ]);
    assert.deepEqual(decodeRange(['inet_proto'], Uint8Array.of(6), Uint8Array.of(6)), ['tcp']);
  });

  test('what does not fit a set is refused by name', () => {
    assert.throws(
      () => encodeKey(pairs, ['10.0.0.1']),
      /map pairs wants ipv4_addr \. inet_service, not 10\.0\.0\.1/,
    );
    assert.throws(() => encodeKey(pairs, new Uint8Array(4)), /map pairs wants 8 bytes .* not 4/);
    assert.throws(() => encodeData(pairs, 'drop'), /map pairs takes values, not a verdict/);
    assert.throws(() => encodeData(verdicts, ['10.0.0.1', 80]), /map verdicts takes verdicts/);
    assert.throws(() => encodeData(names, 'drop'), /set names takes no data/);
    assert.equal(encodeData(names, undefined), undefined);
  });

  test('successor() and predecessor() carry over, and the last has no successor', () => {
    assert.deepEqual(successor(Uint8Array.of(1, 255)), Uint8Array.of(2, 0));
    assert.deepEqual(predecessor(Uint8Array.of(2, 0)), Uint8Array.of(1, 255));
    assert.equal(successor(Uint8Array.of(255, 255)), undefined);
  });
});
