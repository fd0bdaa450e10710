import assert from 'node:assert/strict';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { PluginInstance } from '#dns/plugin.ts';
import { BLOCK, instance, testContext } from '#test/support/dns-plugin.ts';
import { until } from '#test/support/until.ts';
import { auto } from './auto.ts';
import { file } from './file.ts';

function zoneText(serial: number, address = '192.0.2.1'): string {
  return `@ 60 IN SOA ns hm ${serial} 1 2 3 4\n@ 60 IN NS ns\nns 60 IN A ${address}\n`;
}

const PLUGINS = [
  { plugin: file, text: (folder: string) => `file ${folder}/db.a.example a.example {\nreload 20ms\n}` },
  { plugin: auto, text: (folder: string) => `auto a.example {\ndirectory ${folder}\nreload 20ms\n}` },
];

for (const { plugin, text } of PLUGINS) {
  test(`${plugin.name} tells of its zones at the start, and of one whose serial has changed`, async (t) => {
    const folder = folderOf(t);
    const write = (serial: number, address?: string): void =>
      writeFileSync(join(folder, 'db.a.example'), zoneText(serial, address));
    write(1);
    const told: string[] = [];
    const listener: PluginInstance = { name: 'listener', zoneChanged: (zone) => void told.push(zone.text) };
    await using stack = new AsyncDisposableStack();
    const context = testContext(stack, { ...BLOCK, plugins: [listener] });
    const served = await instance(plugin, text(folder), context);
    assert.deepEqual(told, []);
    await served.start?.();
    assert.deepEqual(told, ['a.example.']);
    write(1, '192.0.2.222');
    await sleep(100);
    assert.deepEqual(told, ['a.example.'], 'the serial is the same');
    write(22);
    await until(
      'the change is told of',
      async () => told.length,
      (count) => count === 2,
    );
  });
}

function folderOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'dns-zones-'));
  t.after(() => rm(folder, { recursive: true }));
  return folder;
}
