import assert from 'node:assert/strict';
import { test } from 'node:test';
import { zoneOf } from '#dns/zone.ts';
import { instance, testContext } from '#test/support/dns-plugin.ts';
import { prometheus } from './prometheus.ts';

test('prometheus tells which plugins are asked on which server, by zone', async () => {
  await using stack = new AsyncDisposableStack();
  const keys = ['a', 'b'].map((label) => ({ scheme: 'dns' as const, zone: zoneOf([label]), port: 53 }));
  const plugins = ['bind', 'prometheus', 'health', 'whoami'].map((name) => ({ name }));
  const context = { ...testContext(stack, { keys, plugins }), bound: ['127.0.0.1', '::1'] };
  const plugin = await instance(prometheus, 'prometheus 127.0.0.1:0', context);
  await plugin.start?.();
  const lines = context.metrics.text().match(/^coredns_plugin_enabled.*$/gm) ?? [];
  assert.equal(lines.length, 8);
  const line = 'coredns_plugin_enabled{server="dns://[::1]:53",zone="b.",view="",name="whoami"} 1';
  assert.ok(lines.includes(line), lines.join('\n'));
  assert.ok(!lines.some((text) => /bind|health/.test(text)));
});
