import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { structured } from '#dns/finish-answer.ts';
import type { Plugin } from '#dns/plugin.ts';
import { zoneOf } from '#dns/zone.ts';
import { Cidr } from '#lib/ip.ts';
import {
  answer,
  ask,
  directive,
  instance,
  type RequestOptions,
  request,
  SCOPE,
  testContext,
  texts,
} from '#test/support/dns-plugin.ts';
import { until } from '#test/support/until.ts';
import { HeaderFlag, parseName, RecordType } from '#wire/dns.ts';
import { prepareAnswer, respond } from '#wire/dns-answer.ts';
import { questionLabels } from '#wire/dns-query.ts';
import { parseRecord } from '#wire/dns-text.ts';
import { acl, parseAclRule, planAcl } from './acl.ts';
import { any } from './any.ts';
import { bufsize } from './bufsize.ts';
import { cancel } from './cancel.ts';
import { dns64, embed, planDns64 } from './dns64.ts';
import { erratic } from './erratic.ts';
import { header } from './header.ts';
import { weigh } from './loadbalance/loadbalance.ts';
import { shuffleBytes } from './loadbalance/shuffle.ts';
import { parseWeights } from './loadbalance/weights.ts';
import { local, planLocal } from './local.ts';
import { loop } from './loop.ts';
import { minimal } from './minimal.ts';
import { nsid } from './nsid.ts';
import { ReloadedFile } from './reloaded-file.ts';
import { planWhoami } from './whoami.ts';

const EDNS = { udpSize: 4096, extendedRcode: 0, version: 0, dnssecOk: false };
const RECORD = 'a.test. 5 A 192.0.2.1';

async function heard(plugin: Plugin, text: string, name: string, type: string, options: RequestOptions = {}) {
  await using stack = new AsyncDisposableStack();
  const context = testContext(stack);
  return ask(await instance(plugin, text, context), request(name, type, options), () =>
    answer([RECORD], { authorities: [parseRecord('test. 5 NS ns.test.')] }),
  );
}

test('any answers ANY shortly, and nothing else', async () => {
  const short = await heard(any, 'any', 'a.test', 'ANY');
  assert.ok(short !== 'dropped' && short.answers.length === 1 && short.answers[0]?.ttl === 8482);
  const other = await heard(any, 'any', 'a.test', 'A');
  assert.ok(other !== 'dropped' && texts(other.answers)[0] === 'a.test 5 192.0.2.1');
});

test('acl does what the first policy that applies says', async () => {
  const rule = parseAclRule(
    directive(
      'acl {\nallow net 10.1.0.0/16\nblock type A net 10.0.0.0/8\nfilter type AAAA net *\ndrop net fd00::/8\n}',
    ),
    SCOPE,
  );
  const action = (address: string, type: number) => planAcl(rule.policies, address, type);
  assert.equal(action('10.1.2.3', RecordType.A), 'allow');
  assert.equal(action('10.2.2.3', RecordType.A), 'block');
  assert.equal(action('::ffff:10.2.2.3', RecordType.A), 'block');
  assert.equal(action('10.2.2.3', RecordType.AAAA), 'filter');
  assert.equal(action('fd00::1', RecordType.A), 'drop');
  assert.equal(action('192.0.2.1', RecordType.TXT), 'allow');
  assert.equal(await heard(acl, 'acl {\ndrop net 192.0.2.0/24\n}', 'a.test', 'A'), 'dropped');
  const blocked = await heard(acl, 'acl {\nblock net 192.0.2.0/24\n}', 'a.test', 'A');
  assert.ok(blocked !== 'dropped' && blocked.rcode === 5);
});

test('acl lets no answers by without it for zones that it has a rule for a part of', async () => {
  await using stack = new AsyncDisposableStack();
  const plugin = await instance(acl, 'acl secret.example {\nblock\n}', testContext(stack));
  const passes = (zone: string) => plugin.passes?.(zoneOf(parseName(zone) ?? []).key);
  for (const zone of ['.', 'example', 'secret.example', 'a.secret.example'])
    assert.equal(passes(zone), false, zone);
  for (const zone of ['test', 'open.example', 'notsecret.example']) assert.equal(passes(zone), true, zone);
});

test('acl tells clients that know EDNS why: blocked or filtered', async () => {
  for (const [action, rcode, reason] of [
    ['block', 5, 15],
    ['filter', 0, 17],
  ] as const) {
    const found = await heard(acl, `acl {\n${action}\n}`, 'a.test', 'A');
    assert.ok(found !== 'dropped');
    assert.deepEqual([found.rcode, found.options], [rcode, [{ code: 15, data: Buffer.from([0, reason]) }]]);
  }
});

test('bufsize offers and allows no more than it says', async () => {
  await using stack = new AsyncDisposableStack();
  const plugin = await instance(bufsize, 'bufsize 600', testContext(stack));
  let seen: unknown;
  await plugin.handle?.(request('a.test', 'A', { edns: EDNS }), (changed) => {
    seen = { udpSize: changed.query.edns?.udpSize, limit: changed.limit <= 600 };
    return answer([]);
  });
  assert.deepEqual(seen, { udpSize: 600, limit: true });
});

test('cancel answers SERVFAIL when nobody does in time', async () => {
  await using stack = new AsyncDisposableStack();
  const plugin = await instance(cancel, 'cancel 5ms', testContext(stack));
  const result = await ask(plugin, request('a.test', 'A'), () => new Promise(() => undefined));
  assert.ok(result !== 'dropped' && result.rcode === 2);
});

test('header switches flags of answers', async () => {
  const result = await heard(header, 'header {\nresponse set ra\nresponse clear aa\n}', 'a.test', 'A');
  assert.ok(result !== 'dropped');
  assert.equal(result.flags & (HeaderFlag.AA | HeaderFlag.RA), HeaderFlag.RA);
});

test('header clears RD, which is otherwise as the query has it', async () => {
  await using stack = new AsyncDisposableStack();
  const plugin = await instance(header, 'header {\nresponse clear rd\n}', testContext(stack));
  const result = await plugin.handle?.(request('a.test', 'A'), () => answer([RECORD]));
  assert.ok(Buffer.isBuffer(result));
  assert.equal(result.readUInt16BE(2) & HeaderFlag.RD, 0);
  assert.deepEqual(texts(structured(result).answers), ['a.test 5 192.0.2.1']);
});

test('header changes RD of the query, and the response has it so', async () => {
  await using stack = new AsyncDisposableStack();
  const plugin = await instance(header, 'header {\nquery clear rd\n}', testContext(stack));
  let seen = -1;
  const result = await plugin.handle?.(request('a.test', 'A'), (changed) => {
    seen = changed.query.message.readUInt16BE(2) & HeaderFlag.RD;
    return answer([RECORD]);
  });
  assert.equal(seen, 0);
  assert.ok(Buffer.isBuffer(result));
  assert.equal(result.readUInt16BE(2) & HeaderFlag.RD, 0);
});

test('dns64 leaves alone what nobody could answer, and takes over what there is for IPv4', async () => {
  const config = { prefix: Cidr.of('64:ff9b::/96'), translateAll: false, allowIpv4: true };
  const refused = answer([], { rcode: 5, flags: HeaderFlag.RA });
  assert.deepEqual(planDns64(config, answer([]), refused), { ...refused, flags: 0 });
  await using stack = new AsyncDisposableStack();
  const plugin = await instance(dns64, 'dns64 {\nallow_ipv4\n}', testContext(stack));
  const nobody = answer([], { rcode: 2, flags: 0 });
  const query = request('a.test', 'AAAA', { block: { resolve: () => assert.fail('asked for IPv4') } });
  assert.equal(await plugin.handle?.(query, () => nobody), nobody);
});

test('whoami answers in the class of the question', () => {
  const asked = request('a.test', 'A');
  const { additionals } = planWhoami({ query: { ...asked.query, class: 3 }, client: asked.client });
  assert.deepEqual(
    additionals.map((record) => record.class),
    [3, 3],
  );
});

test('minimal leaves out what was not asked for', async () => {
  const result = await heard(minimal, 'minimal', 'a.test', 'A');
  assert.ok(result !== 'dropped' && result.authorities.length === 0 && result.answers.length === 1);
});

test('nsid names the server only to those who ask', async () => {
  const plain = await heard(nsid, 'nsid here', 'a.test', 'A', { edns: EDNS });
  assert.ok(plain !== 'dropped' && plain.options === undefined);
});

test('local has servers for its zones, and says which of their names there are not', () => {
  const plan = (name: string, type: string) => planLocal(request(name, type).query);
  assert.deepEqual(texts(plan('localhost', 'NS')?.answers ?? []), ['localhost 604800 localhost']);
  assert.deepEqual(texts(plan('x.localhost', 'A')?.answers ?? []), ['x.localhost 604800 127.0.0.1']);
  assert.equal(plan('2.0.0.127.in-addr.arpa', 'PTR')?.rcode, 3);
  assert.equal(plan('1.0.0.127.in-addr.arpa', 'A')?.rcode, 0);
  assert.equal(plan('127.in-addr.arpa', 'A')?.rcode, 0);
  assert.equal(plan('1.128.in-addr.arpa', 'PTR'), undefined);
});

test('erratic drops the first of every two, and fails for what is no address', async () => {
  await using stack = new AsyncDisposableStack();
  const plugin = await instance(erratic, 'erratic', testContext(stack));
  const heard = [];
  for (const type of ['A', 'A', 'TXT', 'TXT']) {
    const result = await ask(plugin, request('a.test', type), () => answer([]));
    heard.push(result === 'dropped' ? result : result.rcode);
  }
  assert.deepEqual(heard, ['dropped', 0, 'dropped', 2]);
});

test('local answers loopback names and their reverse', async () => {
  const address = await heard(local, 'local', 'localhost', 'AAAA');
  assert.ok(address !== 'dropped');
  assert.deepEqual(texts(address.answers), ['localhost 604800 ::1']);
  const reverse = await heard(local, 'local', '1.0.0.127.in-addr.arpa', 'PTR');
  assert.ok(reverse !== 'dropped');
  assert.deepEqual(texts(reverse.answers), ['1.0.0.127.in-addr.arpa 604800 localhost']);
});

for (const [prefix, address] of [
  ['64:ff9b::/96', '64:ff9b::c000:221'],
  ['2001:db8::/32', '2001:db8:c000:221::'],
  ['2001:db8:100::/40', '2001:db8:1c0:2:21::'],
  ['2001:db8:122::/48', '2001:db8:122:c000:2:2100::'],
  ['2001:db8:122:300::/56', '2001:db8:122:3c0:0:221::'],
  ['2001:db8:122:344::/64', '2001:db8:122:344:c0:2:2100:0'],
] as const) {
  test(`embed() puts 192.0.2.33 into ${prefix} as RFC 6052 shows`, () => {
    assert.equal(embed(Cidr.of(prefix), '192.0.2.33'), address);
  });
}

test('dns64 makes AAAA records where there are none, for clients over IPv6', async () => {
  await using stack = new AsyncDisposableStack();
  const plugin = await instance(dns64, 'dns64', testContext(stack));
  const options: RequestOptions = {
    client: { family: 6, address: 'fd00::9' },
    block: { resolve: () => answer([RECORD]) },
  };
  const made = await ask(plugin, request('a.test', 'AAAA', options), () => answer([]));
  assert.ok(made !== 'dropped');
  assert.deepEqual(texts(made.answers), ['a.test 5 64:ff9b::c000:201']);
  const four = await ask(
    plugin,
    request('a.test', 'AAAA', { block: { resolve: () => answer([RECORD]) } }),
    () => answer([]),
  );
  assert.ok(four !== 'dropped' && four.answers.length === 0);
});

test('shuffleBytes() changes the order of addresses and nothing else', () => {
  const query = request('a.test', 'A');
  const records = Array.from({ length: 9 }, (_, i) => `a.test. 5 A 192.0.2.${i}`);
  const prepared = prepareAnswer(questionLabels(query.query), answer(['a.test. 5 TXT x', ...records]));
  const response = respond(query.query, prepared, 0, 512);
  const before = Buffer.from(response);
  shuffleBytes(response, () => 0);
  assert.notDeepEqual(response, before);
  assert.deepEqual(
    [...response].toSorted((a, b) => a - b),
    [...before].toSorted((a, b) => a - b),
  );
  assert.equal(response.length, before.length);
});

test('weigh() puts the address that was drawn first', () => {
  const weights = parseWeights('a.test\n192.0.2.1 1\n192.0.2.2 9\n');
  const given = answer(['a.test. 5 A 192.0.2.1', 'a.test. 5 A 192.0.2.2']);
  assert.equal(texts(weigh(given, weights, () => 0).answers)[0], 'a.test 5 192.0.2.1');
  assert.equal(texts(weigh(given, weights, () => 1).answers)[0], 'a.test 5 192.0.2.2');
  assert.throws(() => parseWeights('a.test\n192.0.2.1 0\n'), /line 2/);
});

test('loop reports when the probe comes back, and stays alive', async () => {
  await using stack = new AsyncDisposableStack();
  const context = testContext(stack);
  const plugin = await instance(loop, 'loop', context);
  // A server that forwards everything to itself.
  const again = {
    name: 'forward',
    handle: (query: ReturnType<typeof request>) => plugin.handle?.(query, again.handle) ?? answer([]),
  };
  Object.assign(context.block, { plugins: [plugin, again] });
  await plugin.start?.();
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(context.logged.length, 1);
  assert.match(context.logged[0] ?? '', /come back.*forward names another server/);
  const other = await ask(plugin, request('a.test', 'A'), () => answer([RECORD]));
  assert.ok(other !== 'dropped' && other.answers.length === 1);
});

test('loop says nothing when the probe does not come back', async () => {
  await using stack = new AsyncDisposableStack();
  const context = testContext(stack);
  const plugin = await instance(loop, 'loop', context);
  Object.assign(context.block, { plugins: [plugin] });
  await plugin.start?.();
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(context.logged, []);
});

test('ReloadedFile keeps what was there when the file goes bad, and says so', async (t) => {
  await using stack = new AsyncDisposableStack();
  const context = testContext(stack);
  const folder = mkdtempSync(join(tmpdir(), 'portolan-reload-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'numbers');
  writeFileSync(file, '1');
  const parse = (text: string): number =>
    Number.isNaN(Number(text)) ? assert.fail('no number') : Number(text);
  const loaded = new ReloadedFile({ file, intervalMs: 5, parse, otherwise: 0 }, context);
  assert.equal(loaded.value, 1);
  writeFileSync(file, '22');
  while (loaded.value === 1) await new Promise((resolve) => setTimeout(resolve, 5));
  assert.equal(loaded.value, 22);
  writeFileSync(file, 'bad');
  utimesSync(file, 1, 1);
  while (context.logged.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  assert.match(context.logged[0] ?? '', /not taken over: no number/);
  assert.equal(loaded.value, 22);
});

test('ReloadedFile keeps what was there when the file cannot be looked at, and says so once', async (t) => {
  await using stack = new AsyncDisposableStack();
  const context = testContext(stack);
  const folder = mkdtempSync(join(tmpdir(), 'portolan-reload-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'numbers');
  writeFileSync(file, '1');
  const loaded = new ReloadedFile({ file, intervalMs: 5, parse: Number, otherwise: 0 }, context);
  rmSync(file);
  symlinkSync(file, file);
  const told = (): string[] => context.logged.filter((line) => line.includes('ELOOP'));
  await until(
    'it is told of',
    async () => told().length,
    (count) => count > 0,
  );
  assert.equal(loaded.value, 1);
  rmSync(file);
  writeFileSync(file, '22');
  await until(
    'it is read again',
    async () => loaded.value,
    (value) => value === 22,
  );
  assert.equal(told().length, 1);
});
