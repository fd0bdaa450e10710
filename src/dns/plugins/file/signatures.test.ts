import assert from 'node:assert/strict';
import { test } from 'node:test';
import { zoneOf } from '#dns/zone.ts';
import { type DnsRecord, formatName, parseName, typeName, typeNumber } from '#wire/dns.ts';
import { planZoneAnswer } from './plan-zone-answer.ts';
import { withProofs } from './signatures.ts';
import { ZoneData } from './zone-data.ts';
import { parseZoneFile } from './zone-file.ts';

const ZONE = zoneOf(['test']);

/** A line of a record, and one of a signature of it. */
function signedLine(owner: string, type: string, data: string): string {
  const signature = `${owner} RRSIG ${type} 13 1 60 20300101000000 20260101000000 1 test. AA==`;
  return `${owner} ${type} ${data}\n${signature}\n`;
}

const TEXT = [
  '$TTL 60\n',
  signedLine('@', 'SOA', 'ns host 1 2 3 4 5'),
  signedLine('@', 'NS', 'ns'),
  signedLine('@', 'NSEC', 'alias SOA NS RRSIG NSEC'),
  signedLine('alias', 'CNAME', 'www'),
  signedLine('alias', 'NSEC', 'h.ent CNAME RRSIG NSEC'),
  signedLine('h.ent', 'A', '192.0.2.3'),
  signedLine('h.ent', 'NSEC', 'insec A RRSIG NSEC'),
  'insec NS ns.insec\n',
  signedLine('insec', 'NSEC', 'sec NS RRSIG NSEC'),
  'sec NS ns.sec\n',
  signedLine('sec', 'DS', '1 13 2 AB'),
  signedLine('sec', 'NSEC', '*.w NS DS RRSIG NSEC'),
  signedLine('*.w', 'A', '192.0.2.4'),
  signedLine('*.w', 'NSEC', 'h.w A RRSIG NSEC'),
  signedLine('h.w', 'A', '192.0.2.5'),
  signedLine('h.w', 'NSEC', 'www A RRSIG NSEC'),
  signedLine('www', 'A', '192.0.2.2'),
  signedLine('www', 'NSEC', '@ A RRSIG NSEC'),
].join('');

function zoneOfText(text: string): ZoneData {
  const include = (): string => assert.fail('nothing is included');
  return ZoneData.of(ZONE, parseZoneFile(text, { file: 'db', origin: ZONE.labels, include }));
}

/** `owner TYPE`; of signatures the type that they are of. */
function shown(records: readonly DnsRecord[]): string[] {
  return records.map(({ name, type, data }) => {
    const of =
      data.kind === 'opaque' && typeName(type) === 'RRSIG' ? `(${typeName(data.bytes[1] ?? 0)})` : '';
    return `${formatName(name).replace(/\.?test\.$/, '') || '@'} ${of === '' ? typeName(type) : of}`;
  });
}

function ask(zone: ZoneData, name: string, type: string) {
  const labels = parseName(`${name}.test`) ?? [];
  return withProofs(zone, labels, planZoneAnswer(zone, labels, typeNumber(type) ?? 0, true).answer);
}

const SIGNED = zoneOfText(TEXT);
const SOA = ['@ SOA', '@ (SOA)'];
const CASES: readonly [what: string, name: string, type: string, answers: string[], authorities: string[]][] =
  [
    ['an answer', 'www', 'A', ['www A', 'www (A)'], ['@ NS', '@ (NS)']],
    [
      'each record of a chain',
      'alias',
      'A',
      ['alias CNAME', 'alias (CNAME)', 'www A', 'www (A)'],
      ['@ NS', '@ (NS)'],
    ],
    ['a name without the type', 'www', 'TXT', [], [...SOA, 'www NSEC', 'www (NSEC)']],
    ['a name between others', 'ent', 'A', [], [...SOA, 'alias NSEC', 'alias (NSEC)']],
    ['no name', 'n', 'A', [], [...SOA, 'insec NSEC', 'insec (NSEC)', '@ NSEC', '@ (NSEC)']],
    ['no name behind the last', 'zz', 'A', [], [...SOA, 'www NSEC', 'www (NSEC)', '@ NSEC', '@ (NSEC)']],
    ['a wildcard', 'x.w', 'A', ['x.w A', 'x.w (A)'], ['@ NS', '@ (NS)', 'h.w NSEC', 'h.w (NSEC)']],
    [
      'a wildcard without the type',
      'x.w',
      'TXT',
      [],
      [...SOA, 'h.w NSEC', 'h.w (NSEC)', '*.w NSEC', '*.w (NSEC)'],
    ],
    ['a signed delegation', 'a.sec', 'A', [], ['sec NS', 'sec DS', 'sec (DS)']],
    ['a delegation that is not signed', 'a.insec', 'A', [], ['insec NS', 'insec NSEC', 'insec (NSEC)']],
    ['DS of a delegation that is not signed', 'insec', 'DS', [], [...SOA, 'insec NSEC', 'insec (NSEC)']],
  ];

for (const [what, name, type, answers, authorities] of CASES) {
  test(`withProofs() signs or proves ${what}`, () => {
    const found = ask(SIGNED, name, type);
    assert.deepEqual([shown(found.answers), shown(found.authorities)], [answers, authorities]);
  });
}

test('withProofs() adds nothing in a zone that is not signed', () => {
  const plain = zoneOfText('$TTL 60\n@ SOA ns host 1 2 3 4 5\n@ NS ns\nwww A 192.0.2.2\n');
  assert.deepEqual(shown(ask(plain, 'www', 'A').answers), ['www A']);
  assert.deepEqual(shown(ask(plain, 'nobody', 'A').authorities), ['@ SOA']);
});
