import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { ask, instance, request, testContext, texts } from '#test/support/dns-plugin.ts';
import { auto } from './auto.ts';

const zoneText = (address: string): string => `@ 60 SOA ns host 1 2 3 4 5\nwww 60 A ${address}\n`;

test('auto answers from the zone files of a folder, as they come and go', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'portolan-auto-'));
  t.after(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, 'db.one.test'), zoneText('192.0.2.1'));
  writeFileSync(join(folder, 'db.bad.test'), 'www A nothing\n');
  await using stack = new AsyncDisposableStack();
  const context = testContext(stack);
  const plugin = await instance(auto, `auto {\ndirectory ${folder}\nreload 5ms\n}`, context);
  const get = async (name: string): Promise<string> => {
    const result = await ask(plugin, request(name, 'A'));
    return result === 'dropped'
      ? assert.fail('no answer')
      : (texts(result.answers)[0] ?? `rcode ${result.rcode}`);
  };
  assert.equal(await get('www.one.test'), 'www.one.test 60 192.0.2.1');
  assert.equal(await get('nobody.one.test'), 'rcode 3');
  assert.equal(await get('www.bad.test'), 'rcode 5');
  assert.match(context.logged.join(), /db.bad.test:1: A: nothing is no IPv4 address/);
  writeFileSync(join(folder, 'db.two.test'), zoneText('192.0.2.2'));
  while ((await get('www.two.test')) !== 'www.two.test 60 192.0.2.2')
    await new Promise((resolve) => setTimeout(resolve, 5));
  rmSync(join(folder, 'db.one.test'));
  while ((await get('www.one.test')) !== 'rcode 5') await new Promise((resolve) => setTimeout(resolve, 5));
});
