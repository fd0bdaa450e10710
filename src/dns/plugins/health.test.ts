import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HttpPages } from '#dns/http-pages.ts';
import { instance, testContext } from '#test/support/dns-plugin.ts';
import { health } from './health.ts';

test('health asks its own page every second, and counts how long that took', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  await using stack = new AsyncDisposableStack();
  const context = testContext(stack);
  const plugin = await instance(health, 'health 127.0.0.1:0', context);
  await plugin.start?.();
  assert.match(context.metrics.text(), /coredns_health_request_duration_seconds_count 0\n/);
  t.mock.timers.tick(1000);
  while (!/coredns_health_request_duration_seconds_count 1\n/.test(context.metrics.text()))
    await new Promise((resolve) => setImmediate(resolve));
  assert.match(context.metrics.text(), /coredns_health_request_failures_total 0\n/);
});

test('health counts and tells that its own page does not answer', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  await using stack = new AsyncDisposableStack();
  const context = testContext(stack);
  const pages = new HttpPages();
  const closed = await pages.add({ address: '127.0.0.1', port: 0 }, '/health', () => ({
    status: 200,
    body: '',
  }));
  const { address } = closed;
  await closed[Symbol.asyncDispose]();
  const add = () => Promise.resolve({ address, [Symbol.asyncDispose]: () => Promise.resolve() });
  const server = { ...context.server, pages: { add } as unknown as HttpPages };
  const plugin = await instance(health, 'health', { ...context, server });
  await plugin.start?.();
  t.mock.timers.tick(1000);
  while (context.logged.length === 0) await new Promise((resolve) => setImmediate(resolve));
  assert.match(context.logged[0] ?? '', /^Local health request to "http:.*\/health" failed: .*ECONNREFUSED/);
  assert.match(context.metrics.text(), /coredns_health_request_failures_total 1\n/);
});
