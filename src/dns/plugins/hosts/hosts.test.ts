import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { answer, ask, instance, request, testContext, texts } from '#test/support/dns-plugin.ts';
import { nameKey } from '#wire/dns.ts';
import { hosts } from './hosts.ts';
import { parseHosts } from './table.ts';

async function answersOf(text: string, name: string, type: string): Promise<string[] | number> {
  await using stack = new AsyncDisposableStack();
  const plugin = await instance(hosts, text, testContext(stack));
  const result = await ask(plugin, request(name, type), () => answer(['next.test. 1 A 192.0.2.99']));
  if (result === 'dropped') return assert.fail('no answer');
  return result.rcode === 0 ? texts(result.answers) : result.rcode;
}

const FILE = 'hosts /nowhere/hosts';

for (const [text, name, type, result] of [
  [`${FILE} {\n192.0.2.1 A.test b.test\n}`, 'a.TEST', 'A', ['a.test 3600 192.0.2.1']],
  [`${FILE} {\n192.0.2.1 a.test\n}`, 'a.test', 'AAAA', []],
  [`${FILE} {\n192.0.2.1 a.test\n}`, 'b.test', 'A', 2],
  [`${FILE} {\n192.0.2.1 a.test\nfallthrough\n}`, 'b.test', 'A', ['next.test 1 192.0.2.99']],
  [`${FILE} {\n192.0.2.1 a.test\nfallthrough other\n}`, 'b.test', 'A', 2],
  [`${FILE} {\n2001:db8::1 a.test\nttl 7\n}`, 'a.test', 'AAAA', ['a.test 7 2001:db8::1']],
  [`${FILE} {\n192.0.2.1 a.test\n}`, '1.2.0.192.in-addr.arpa', 'PTR', ['1.2.0.192.in-addr.arpa 3600 a.test']],
  [`${FILE} {\n192.0.2.1 a.test\nno_reverse\n}`, '1.2.0.192.in-addr.arpa', 'PTR', ['next.test 1 192.0.2.99']],
  [`${FILE} {\n192.0.2.1 a.test\n}`, '2.2.0.192.in-addr.arpa', 'PTR', ['next.test 1 192.0.2.99']],
  [
    `${FILE} test {\n192.0.2.1 a.test\n}`,
    '1.2.0.192.in-addr.arpa',
    'PTR',
    ['1.2.0.192.in-addr.arpa 3600 a.test'],
  ],
  [`${FILE} {\n192.0.2.1 *.test\n}`, 'x.test', 'A', ['x.test 3600 192.0.2.1']],
  [`${FILE} test {\n192.0.2.1 a.other\n}`, 'a.other', 'A', ['next.test 1 192.0.2.99']],
] as const) {
  test(`hosts answers ${type} of ${name} with ${JSON.stringify(text)}`, async () => {
    assert.deepEqual(await answersOf(text, name, type), result);
  });
}

test('parseHosts() skips what is no entry, and never throws', () => {
  const table = parseHosts(
    '# x\nnot-an-ip a\n192.0.2.1\n192.0.2.1 a # b\n::ffff:192.0.2.2 c\nfe80::1%eth0 d',
  );
  assert.deepEqual(table.addresses.get(nameKey(['a'])), ['192.0.2.1']);
  assert.deepEqual(table.addresses.get(nameKey(['c'])), ['192.0.2.2']);
  assert.deepEqual(table.addresses.get(nameKey(['d'])), ['fe80::1']);
  assert.equal(table.addresses.size, 3);
  fc.assert(fc.property(fc.string(), (text) => void parseHosts(`192.0.2.1 ${text}`)));
});
