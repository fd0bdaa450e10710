import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ednsOptions } from '#dns/edns-options.ts';
import { structured } from '#dns/finish-answer.ts';
import type { DnsAnswer, DnsRequest } from '#dns/handler.ts';
import {
  answer,
  ask,
  directives,
  instance,
  request,
  SCOPE,
  testContext,
  texts,
} from '#test/support/dns-plugin.ts';
import { formatName, typeName, typeNumber } from '#wire/dns.ts';
import { questionLabels } from '#wire/dns-query.ts';
import { parseRecord } from '#wire/dns-text.ts';
import { changeOptions } from './edns-rule.ts';
import { rewrite } from './rewrite.ts';

interface Outcome {
  readonly asked: string;
  readonly answer: DnsAnswer;
}

/** What the plugins behind were asked, and what the client hears, when they answer with these records. */
async function run(
  text: string,
  query: DnsRequest,
  records: readonly string[],
  change: Partial<DnsAnswer> = {},
): Promise<Outcome> {
  await using stack = new AsyncDisposableStack();
  const plugin = await instance(rewrite, text, testContext(stack));
  let asked = '';
  const result = await ask(plugin, query, (changed) => {
    asked = `${formatName(questionLabels(changed.query))} ${typeName(changed.query.type)}`;
    return answer(records, change);
  });
  assert.notEqual(result, 'dropped');
  return { asked, answer: result as DnsAnswer };
}

for (const [text, name, asked, record, heard] of [
  ['rewrite name a.test b.test', 'A.test', 'b.test. A', 'b.test.', 'a.test'],
  ['rewrite name exact a.test b.test', 'x.test', 'x.test. A', 'x.test.', 'x.test'],
  ['rewrite name prefix old. new.', 'old.test', 'new.test. A', 'new.test.', 'new.test'],
  ['rewrite name prefix old. new. answer auto', 'old.test', 'new.test. A', 'new.test.', 'old.test'],
  ['rewrite name suffix .a. .b.c. answer auto', 'x.y.a', 'x.y.b.c. A', 'x.y.b.c.', 'x.y.a'],
  // Patterns have a last dot, so they begin and end with whole labels, but for `substring` and `suffix`.
  ['rewrite name prefix old new', 'old.test', 'new.test. A', 'new.test.', 'new.test'],
  ['rewrite name prefix o n', 'old.test', 'old.test. A', 'old.test.', 'old.test'],
  ['rewrite name suffix .a .b', 'x.a', 'x.b. A', 'x.b.', 'x.b'],
  ['rewrite name substring leg har', 'a.leg.leg', 'a.har.har. A', 'a.har.har.', 'a.har.har'],
  ['rewrite name substring leg har answer auto', 'a.leg.b', 'a.har.b. A', 'sub.a.har.b.', 'sub.a.leg.b'],
  ['rewrite name exact a.test b.test', 'a.test', 'b.test. A', 'x.b.test.', 'x.a.test'],
  ['rewrite name regex (.*)\\.a\\. {1}.B', 'x.a', 'x.b. A', 'x.b.', 'x.b'],
  ['rewrite name regex (.*)-(.*)\\.a\\. {2}.{1}.b. answer auto', 'x-y.a', 'y.x.b. A', 'y.x.b.', 'x-y.a'],
  ['rewrite name regex (.*)\\.a\\.$ {1}.b. answer name (.*)\\.b\\. {1}.c.', 'x.a', 'x.b. A', 'x.b.', 'x.c'],
] as const) {
  test(`${text} asks for ${asked} when ${name} is wanted`, async () => {
    const outcome = await run(text, request(name, 'A'), [`${record} 5 A 192.0.2.1`]);
    assert.equal(outcome.asked, asked);
    assert.deepEqual(texts(outcome.answer.answers), [`${heard} 5 192.0.2.1`]);
  });
}

test('rewrite stops at the first rule that applies, unless it continues', async () => {
  const two = 'rewrite continue name a.test b.test\nrewrite name b.test c.test\nrewrite name c.test d.test';
  const { asked, answer: heard } = await run(two, request('a.test', 'A'), ['c.test. 5 A 192.0.2.1']);
  assert.equal(asked, 'c.test. A');
  assert.deepEqual(texts(heard.answers), ['a.test 5 192.0.2.1']);
});

test('rewrite changes types, TTLs, response codes and values', async () => {
  const type = await run('rewrite type AAAA A', request('a.test', 'AAAA'), []);
  assert.equal(type.asked, 'a.test. A');
  const ttl = await run('rewrite ttl suffix .test. 10-20', request('a.test', 'A'), [
    'a.test. 5 A 192.0.2.1',
    'a.test. 99 A 192.0.2.2',
  ]);
  assert.deepEqual(
    ttl.answer.answers.map((record) => record.ttl),
    [10, 20],
  );
  const rcode = await run('rewrite rcode exact a.test. NXDOMAIN NOERROR', request('a.test', 'A'), [], {
    rcode: 3,
  });
  assert.equal(rcode.answer.rcode, 0);
  const value = await run(
    'rewrite stop {\nname suffix .a. .b.\nanswer value (.*)\\.b\\. {1}.a.\n}',
    request('x.a', 'SRV'),
    ['x.b. 5 SRV 0 1 2 host.b.'],
  );
  assert.deepEqual(texts(value.answer.answers), ['x.b 5 host.a']);
});

test('rewrite turns the targets of DNAME and NAPTR records back, too', async () => {
  const opaque = (type: string, hex: string) => ({
    ...parseRecord('x.b. 5 TXT x'),
    type: typeNumber(type) ?? 0,
    data: { kind: 'opaque', bytes: Buffer.from(hex, 'hex') } as const,
  });
  const records = [
    opaque('DNAME', '01790162 00'.replaceAll(' ', '')),
    opaque('NAPTR', '0001000201730374637000 0179016200'.replaceAll(' ', '')),
  ];
  const { answer: heard } = await run('rewrite name suffix .a. .b. answer auto', request('x.a', 'A'), [], {
    answers: records,
  });
  assert.deepEqual(
    heard.answers.map(({ data }) => data.kind === 'opaque' && Buffer.from(data.bytes).toString('hex')),
    ['0179016100', '00010002017303746370000179016100'],
  );
});

test('rewrite refuses more groups in the replacement than the pattern has, with the line', () => {
  const parse = (text: string) => () => rewrite.parse(directives(text), SCOPE);
  assert.throws(parse('rewrite name regex (.*)\\.a\\. {1}.{2}.b.'), /Corefile:2: .*uses 2 groups.*only 1/);
  assert.throws(parse('rewrite name suffix .a. .b. answer auto answer name (.*) x.'), /exclude each other/);
});

test('rewrite edns0 keeps the place of what it sets, and appends again', () => {
  const [one, two, three] = [1, 2, 1].map((code, at) => ({ code, data: Buffer.of(at) }));
  assert.ok(one !== undefined && two !== undefined && three !== undefined);
  assert.deepEqual(changeOptions([one, two], 'set', three), [three, two]);
  assert.deepEqual(changeOptions([one, two], 'replace', three), [three, two]);
  assert.deepEqual(changeOptions([one, two], 'append', three), [one, two, three]);
  assert.deepEqual(changeOptions([one, two], 'unset', three), [two]);
  assert.equal(changeOptions([two], 'replace', three), undefined);
  const subnet = { code: 8, data: Buffer.of(9) };
  assert.equal(changeOptions([subnet], 'append', subnet), undefined);
  assert.equal(changeOptions([two], 'unset', three), undefined);
});

test('rewrite cname leads elsewhere and looks up what is there', async () => {
  const query = request('a.test', 'A', { block: { resolve: () => answer(['new.test. 7 A 192.0.2.7']) } });
  const { answer: heard } = await run('rewrite cname exact old.test. new.test.', query, [
    'a.test. 5 CNAME old.test.',
    'old.test. 5 A 192.0.2.1',
  ]);
  assert.deepEqual(texts(heard.answers), ['a.test 5 new.test', 'new.test 7 192.0.2.7']);
});

test('rewrite edns0 sets options, and the response has an OPT record', async () => {
  await using stack = new AsyncDisposableStack();
  const plugin = await instance(
    rewrite,
    'rewrite continue edns0 local set 0xffee 0x0102\nrewrite edns0 subnet set 24 56',
    testContext(stack),
  );
  let options = '';
  const query = request('a.test', 'A', { client: { address: '198.51.100.77' } });
  const result = await plugin.handle?.(query, (changed) => {
    options = ednsOptions(changed.query)
      .map(({ code, data }) => `${code}:${Buffer.from(data).toString('hex')}`)
      .join(' ');
    return answer(['a.test. 5 A 192.0.2.1']);
  });
  assert.equal(options, '65518:0102 8:00011800c63364');
  assert.ok(Buffer.isBuffer(result));
  assert.equal(result.readUInt16BE(10), 1);
  assert.deepEqual(texts(structured(result).answers), ['a.test 5 192.0.2.1']);
});

test("rewrite leaves the server's own errors alone", async () => {
  const { answer: heard } = await run(
    'rewrite rcode exact a.test. SERVFAIL NOERROR',
    request('a.test', 'A'),
    [],
    { rcode: 2, flags: 0 },
  );
  assert.equal(heard.rcode, 2);
});
