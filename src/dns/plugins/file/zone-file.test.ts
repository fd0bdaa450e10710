import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { zoneOf } from '#dns/zone.ts';
import { texts } from '#test/support/dns-plugin.ts';
import { formatName, parseName, rcodeName, typeName, typeNumber } from '#wire/dns.ts';
import { planZoneAnswer } from './plan-zone-answer.ts';
import { ZoneData } from './zone-data.ts';
import { parseZoneFile, ZoneFileError } from './zone-file.ts';

const ZONE = zoneOf(['example']);
const TEXT = `$TTL 1h
@ IN SOA ns host ( 7 ; serial
    7200 3600
    1209600 300 )
    NS ns
ns  600 A 192.0.2.53
    AAAA 2001:db8::53
www 300 IN A 192.0.2.80
alias CNAME www
far CNAME www.elsewhere.test.
loop CNAME loop
lost CNAME nobody
*.wild 120 TXT "a wild ; one"
a.b.c A 192.0.2.9
deleg NS ns.deleg
ns.deleg A 192.0.2.90
old DNAME new
x.new A 192.0.2.91
$ORIGIN sub.example.
inner A 192.0.2.92
$INCLUDE more.db deep.example.
`;

function parse(text: string): ReturnType<typeof parseZoneFile> {
  const include = (name: string): string => (name === 'more.db' ? 'host A 192.0.2.93\n' : assert.fail(name));
  return parseZoneFile(text, { file: 'db.example', origin: ZONE.labels, include });
}

const DATA = ZoneData.of(ZONE, parse(TEXT));

function ask(name: string, type: string) {
  const { answer, external } = planZoneAnswer(DATA, parseName(name) ?? [], typeNumber(type) ?? 0);
  return {
    rcode: rcodeName(answer.rcode),
    aa: answer.flags !== 0,
    answers: texts(answer.answers),
    authorities: answer.authorities.map(({ type: number, name: owner }) => `${number} ${formatName(owner)}`),
    additionals: texts(answer.additionals),
    external,
  };
}

const SOA = 'SOA ns host 1 2 3 4 5';

const CASES: readonly [
  name: string,
  type: string,
  rcode: string,
  answers: readonly string[],
  authority: string,
][] = [
  ['www.example.', 'A', 'NOERROR', ['www.example 300 192.0.2.80'], '2 example.'],
  ['WWW.Example.', 'A', 'NOERROR', ['www.example 300 192.0.2.80'], '2 example.'],
  ['www.example.', 'AAAA', 'NOERROR', [], '6 example.'],
  ['nobody.example.', 'A', 'NXDOMAIN', [], '6 example.'],
  ['b.c.example.', 'A', 'NOERROR', [], '6 example.'],
  [
    'alias.example.',
    'A',
    'NOERROR',
    ['alias.example 3600 www.example', 'www.example 300 192.0.2.80'],
    '2 example.',
  ],
  ['alias.example.', 'CNAME', 'NOERROR', ['alias.example 3600 www.example'], '2 example.'],
  ['lost.example.', 'A', 'NXDOMAIN', ['lost.example 3600 nobody.example'], '6 example.'],
  [
    'x.wild.example.',
    'TXT',
    'NOERROR',
    ['x.wild.example 120 {"kind":"text","texts":["a wild ; one"]}'],
    '2 example.',
  ],
  ['x.wild.example.', 'A', 'NOERROR', [], '6 example.'],
  ['a.deleg.example.', 'A', 'NOERROR', [], '2 deleg.example.'],
  ['inner.sub.example.', 'A', 'NOERROR', ['inner.sub.example 3600 192.0.2.92'], '2 example.'],
  ['host.deep.example.', 'A', 'NOERROR', ['host.deep.example 3600 192.0.2.93'], '2 example.'],
];

for (const [name, type, rcode, answers, authority] of CASES) {
  test(`planZoneAnswer() answers ${name} ${type}`, () => {
    const found = ask(name, type);
    assert.deepEqual(
      { rcode: found.rcode, answers: found.answers, authority: found.authorities[0] },
      { rcode, answers, authority },
    );
  });
}

test('planZoneAnswer() follows a DNAME and ends a circle of CNAMEs', () => {
  assert.deepEqual(ask('x.old.example.', 'A').answers.slice(1), [
    'x.old.example 3600 x.new.example',
    'x.new.example 3600 192.0.2.91',
  ]);
  assert.ok(ask('loop.example.', 'A').answers.length < 10);
});

test('planZoneAnswer() is not authoritative for delegations, and adds glue', () => {
  const { aa, additionals } = ask('ns.deleg.example.', 'A');
  assert.deepEqual({ aa, additionals }, { aa: false, additionals: ['ns.deleg.example 3600 192.0.2.90'] });
});

test('planZoneAnswer() tells the name outside that a CNAME leads to', () => {
  assert.deepEqual(ask('far.example.', 'A').external, ['www', 'elsewhere', 'test']);
});

for (const [text, problem] of [
  ['@ SOA ns host ( 1 2', /db.example:1: the \( has no \)/],
  ['a A 1.2.3.4 )', /no \( before/],
  ['a A 1.2.3', /db.example:1: A: 1.2.3 is no IPv4 address/],
  ['\n\na WHAT x', /db.example:3: there is no type WHAT/],
  ['$TTL soon', /no TTL/],
  ['$GENERATE 1-x a A 1.2.3.$', /db.example:1: \$GENERATE 1-x: no range such as/],
  ['$GENERATE 1-99999999 a A 1.2.3.$', /more than 65536 records/],
  ['$GENERATE 1-2 a A 1.2.3.${x}', /\$\{x\} is no offset/],
  ['$GENERATE 1-2 a A 1.2.3.${-2}', /\$\{-2\} is no offset/],
  ['$FOO x', /there is no \$FOO/],
  ['  A 1.2.3.4', /no name/],
] as const) {
  test(`parseZoneFile() refuses ${JSON.stringify(text)}`, () => {
    assert.throws(
      () => parse(text),
      (error) => error instanceof ZoneFileError && problem.test(error.message),
    );
  });
}

test('ZoneData.of() refuses records without SOA, and of other zones', () => {
  assert.throws(() => ZoneData.of(ZONE, parse('a A 1.2.3.4')), /no SOA/);
  assert.throws(
    () => ZoneData.of(ZONE, parse(`a ${SOA}`)),
    /the SOA record is of a.example, not of example./,
  );
  assert.throws(() => ZoneData.of(ZONE, parse(`@ ${SOA}\n@ ${SOA}9`)), /there are 2 SOA records/);
});

test('ZoneData.of() leaves out names of other zones, and has owners in lower case', () => {
  const { records } = ZoneData.of(ZONE, parse(`@ ${SOA}\nWWW 7 A 1.2.3.4\nx.test. A 1.2.3.5`));
  assert.deepEqual(texts(records.slice(1)), ['www.example 7 1.2.3.4']);
});

test('parseZoneFile() makes many records of a $GENERATE', () => {
  const text =
    '$GENERATE 8-12/2 h${0,3,d}.${-8,2,x} 9 A 192.0.2.$\n$GENERATE 1-1 c CNAME x\\$${1,0,X}\nz A 192.0.2.9';
  assert.deepEqual(texts(parse(`$TTL 5\n${text}`)), [
    'h008.00.example 9 192.0.2.8',
    'h010.02.example 9 192.0.2.10',
    'h012.04.example 9 192.0.2.12',
    'c.example 5 x$2.example',
    'z.example 5 192.0.2.9',
  ]);
});

test('parseZoneFile() takes TTLs that are missing from the record before, at first from the SOA', () => {
  const text = `@ ${SOA}\na A 192.0.2.1\nb 7 A 192.0.2.2\nc A 192.0.2.3\n$TTL 9\nd 8 A 192.0.2.4\ne A 192.0.2.5`;
  assert.deepEqual(
    parse(text).map(({ ttl }) => ttl),
    [5, 5, 7, 7, 8, 9],
  );
});

test('planZoneAnswer() has nothing for ANY, and adds DS and addresses where they are of use', () => {
  const zone = ZoneData.of(
    ZONE,
    parse(
      `@ ${SOA}\nsub NS ns.sub\nsub DS 1 2 3 AB\nns.sub A 192.0.2.1\nwww A 192.0.2.2\nh HTTPS 1 www\ndn DNAME www`,
    ),
  );
  const plan = (name: string, type: string, dnssecOk = false) =>
    planZoneAnswer(zone, parseName(name) ?? [], typeNumber(type) ?? 0, dnssecOk).answer;
  assert.deepEqual(plan('www.example.', 'ANY').answers, []);
  assert.deepEqual(texts(plan('h.example.', 'HTTPS').additionals), ['www.example 5 192.0.2.2']);
  const types = (records: readonly { type: number }[]) => records.map(({ type }) => typeName(type));
  assert.deepEqual(types(plan('x.sub.example.', 'A').authorities), ['NS']);
  assert.deepEqual(types(plan('x.sub.example.', 'A', true).authorities), ['NS', 'DS']);
  assert.deepEqual(types(plan('x.dn.example.', 'CNAME').answers), ['DNAME', 'CNAME']);
});

test('parseZoneFile() throws nothing but ZoneFileError', () => {
  const word = fc.constantFrom(
    '@',
    'a',
    ' ',
    '\n',
    '(',
    ')',
    '"',
    ';',
    'A',
    'TXT',
    '1.2.3.4',
    '$TTL',
    '$ORIGIN',
    '$GENERATE',
    '1-3',
    '${1,2,x}',
    '3600',
    'IN',
    '\\',
  );
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.array(word).map((words) => words.join(' ')),
      ),
      (text) => {
        try {
          parse(text);
        } catch (error) {
          assert.ok(error instanceof ZoneFileError, String(error));
        }
      },
    ),
  );
});
