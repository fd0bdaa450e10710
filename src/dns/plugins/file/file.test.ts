import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { emptyAnswer } from '#dns/finish-answer.ts';
import type { DnsAnswer } from '#dns/handler.ts';
import { answer, ask, directives, request, SCOPE, testContext, texts } from '#test/support/dns-plugin.ts';
import { ResponseCode } from '#wire/dns.ts';
import { auto } from './auto.ts';
import { file } from './file.ts';

const ZONE = '@ 60 IN SOA ns host 1 2 3 4 5\nwww 60 A 192.0.2.1\nfar 60 CNAME x.other.\n';

async function served(t: TestContext, { text, far }: { text?: string; far?: DnsAnswer } = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'portolan-file-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'db.test');
  if (text !== undefined) writeFileSync(path, text);
  const stack = new AsyncDisposableStack();
  t.after(() => stack.disposeAsync());
  const warnings: string[] = [];
  const parsed = file.parse(directives(`file ${path} test {\nreload 5ms\n}`), {
    ...SCOPE,
    warn: (message) => warnings.push(message),
  });
  const plugin = await parsed.setup(testContext(stack));
  const block = { resolve: () => far ?? emptyAnswer(ResponseCode.SERVFAIL) };
  const get = async (name: string, type = 'A'): Promise<DnsAnswer> => {
    const result = await ask(plugin, request(name, type, { block }));
    return result === 'dropped' ? assert.fail('no answer') : result;
  };
  return { path, warnings, get };
}

test('file waits for a zone file that is not there yet, with SERVFAIL', async (t) => {
  const { path, warnings, get } = await served(t);
  assert.match(warnings.join(), /there is no .*db.test; until it comes, answers of its zones are SERVFAIL/);
  assert.equal((await get('www.test')).rcode, ResponseCode.SERVFAIL);
  writeFileSync(path, ZONE);
  while ((await get('www.test')).rcode !== ResponseCode.NOERROR)
    await new Promise((resolve) => setTimeout(resolve, 5));
  assert.deepEqual(texts((await get('www.test')).answers), ['www.test 60 192.0.2.1']);
});

test('file takes a changed zone file over, and keeps what it had when the new one is bad', async (t) => {
  const { path, get } = await served(t, { text: ZONE });
  writeFileSync(path, `${ZONE}www A nonsense\n`);
  await new Promise((resolve) => setTimeout(resolve, 30));
  assert.deepEqual(texts((await get('www.test')).answers), ['www.test 60 192.0.2.1']);
  writeFileSync(path, ZONE.replace('192.0.2.1', '192.0.2.222'));
  while (texts((await get('www.test')).answers)[0] !== 'www.test 60 192.0.2.222')
    await new Promise((resolve) => setTimeout(resolve, 5));
});

test('file gives zones away only through transfer', async (t) => {
  const { get } = await served(t, { text: ZONE });
  for (const type of ['AXFR', 'IXFR']) assert.equal((await get('test', type)).rcode, ResponseCode.REFUSED);
});

for (const [what, far, rcode, authorities] of [
  ['an answer', answer(['x.other. 5 A 192.0.2.9']), ResponseCode.NOERROR, 0],
  ['NXDOMAIN', emptyAnswer(ResponseCode.NXDOMAIN), ResponseCode.NXDOMAIN, 1],
  ['SERVFAIL', emptyAnswer(ResponseCode.SERVFAIL), ResponseCode.SERVFAIL, 0],
] as const) {
  test(`file answers a CNAME to a name elsewhere that has ${what} with that code`, async (t) => {
    const { get } = await served(t, { text: ZONE, far });
    const found = await get('far.test');
    assert.deepEqual([found.rcode, found.authorities.length], [rcode, authorities]);
    assert.equal(texts(found.answers)[0], 'far.test 60 x.other');
  });
}

test('auto refuses a pattern without a group, and reads what CoreDNS once knew', () => {
  const parse = (text: string) => auto.parse(directives(text), SCOPE);
  assert.throws(
    () => parse('auto {\ndirectory /tmp db.* {1}\n}'),
    /Corefile:3: directory: db.\* has no group/,
  );
  assert.doesNotThrow(() => parse('auto {\ndirectory /tmp\nupstream 192.0.2.1\n}'));
});
